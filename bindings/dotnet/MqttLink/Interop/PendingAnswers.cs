using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;

namespace MqttLink.Interop
{
    /// <summary>
    /// Brings requests and their answers together, whichever comes first: the answer can be there before the call
    /// that asked has returned its number. As long as something is awaited, the client is not collected.
    /// </summary>
    internal sealed class PendingAnswers<T>
    {
        // Null: nobody waits. A task source: somebody does. Anything else: the answer has come first.
        private readonly Dictionary<ulong, object> entries = new Dictionary<ulong, object>();
        private readonly object owner;
        private GCHandle root;
        private bool closed;

        internal PendingAnswers(object owner)
        {
            this.owner = owner;
        }

        /// <summary>Nobody will ask for the answer to this request.</summary>
        internal void Ignore(ulong id)
        {
            lock (entries)
            {
                if (!entries.Remove(id) && !closed)
                {
                    entries.Add(id, null);
                    Root();
                }
                Unroot();
            }
        }

        /// <summary>The answer to this request, or its failure.</summary>
        internal Task<T> Wait(ulong id, CancellationToken cancellation)
        {
            var source = NewSource();
            Attach(id, source);
            Watch(source, cancellation, () => Abandon(id, source));
            return source.Task;
        }

        /// <summary>Has the answer to this request complete a task.</summary>
        internal void Attach(ulong id, TaskCompletionSource<T> source)
        {
            Answer early = null;
            lock (entries)
            {
                if (entries.TryGetValue(id, out var entry))
                {
                    early = (Answer)entry;
                    entries.Remove(id);
                }
                else if (closed)
                {
                    early = new Answer { Error = Disposed() };
                }
                else
                {
                    entries.Add(id, source);
                    Root();
                }
                Unroot();
            }
            early?.Give(source);
        }

        /// <summary>The answer has come: a value or an error.</summary>
        internal void Complete(ulong id, T value, Exception error)
        {
            var answer = new Answer { Value = value, Error = error };
            TaskCompletionSource<T> source = null;
            lock (entries)
            {
                if (entries.TryGetValue(id, out var entry))
                {
                    source = (TaskCompletionSource<T>)entry;
                    entries.Remove(id);
                }
                else if (!closed)
                {
                    entries.Add(id, answer);
                    Root();
                }
                Unroot();
            }
            if (source != null)
            {
                answer.Give(source);
            }
        }

        /// <summary>The client is disposed: no answer will come any more.</summary>
        internal void Close()
        {
            List<TaskCompletionSource<T>> left;
            lock (entries)
            {
                closed = true;
                left = entries.Values.OfType<TaskCompletionSource<T>>().ToList();
                entries.Clear();
                Unroot();
            }
            left.ForEach(source => source.TrySetException(Disposed()));
        }

        internal static TaskCompletionSource<T> NewSource()
        {
            // What waits must not run on the dispatcher thread, which it could block.
            return new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        /// <summary>Cancels a task when the token says so, unless it is over.</summary>
        internal static void Watch(
            TaskCompletionSource<T> source, CancellationToken cancellation, Action abandoned)
        {
            if (!cancellation.CanBeCanceled)
            {
                return;
            }
            var registration = cancellation.Register(() =>
            {
                if (source.TrySetCanceled(cancellation))
                {
                    abandoned();
                }
            });
            source.Task.ContinueWith(
                task => registration.Dispose(), CancellationToken.None,
                TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }

        private static ObjectDisposedException Disposed()
        {
            return new ObjectDisposedException(nameof(MqttClient), "the client was disposed before the answer came");
        }

        private void Abandon(ulong id, TaskCompletionSource<T> source)
        {
            lock (entries)
            {
                if (entries.TryGetValue(id, out var entry) && ReferenceEquals(entry, source))
                {
                    entries[id] = null;
                }
            }
        }

        private void Root()
        {
            if (!root.IsAllocated)
            {
                root = GCHandle.Alloc(owner);
            }
        }

        private void Unroot()
        {
            if (entries.Count == 0 && root.IsAllocated)
            {
                root.Free();
            }
        }

        private sealed class Answer
        {
            internal T Value;
            internal Exception Error;

            internal void Give(TaskCompletionSource<T> source)
            {
                if (Error == null)
                {
                    source.TrySetResult(Value);
                }
                else
                {
                    source.TrySetException(Error);
                }
            }
        }
    }
}
