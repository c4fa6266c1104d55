using System;
using System.Collections.Concurrent;
using System.Threading;

namespace MqttLink.Interop
{
    /// <summary>
    /// The clients and brokers of this process that have not been freed. When the process exits their threads are ended
    /// first: a runtime that is being taken down must not be called any more.
    /// </summary>
    internal static class RunningHandles
    {
        // Long enough to write what was accepted, short enough for whoever waits for the exit.
        private const int ExitLimitMs = 1500;

        private static readonly ConcurrentDictionary<IntPtr, WeakReference<RunningHandle>> Handles =
            new ConcurrentDictionary<IntPtr, WeakReference<RunningHandle>>();

        private static volatile bool exiting;

        [ThreadStatic]
        private static IntPtr current;

        static RunningHandles()
        {
            AppDomain.CurrentDomain.ProcessExit += (sender, arguments) => EndAll();
            AppDomain.CurrentDomain.DomainUnload += (sender, arguments) => EndAll();
        }

        /// <summary>
        /// Whose callback runs on this thread: the exit of the process may begin in it, and must not wait for it.
        /// </summary>
        internal static IntPtr Current
        {
            set => current = value;
        }

        /// <summary>Whether the process is on its way out: nothing of the program's is called any more.</summary>
        internal static bool Exiting => exiting;

        internal static void Add(RunningHandle handle, IntPtr pointer)
        {
            Handles[pointer] = new WeakReference<RunningHandle>(handle, true);
        }

        internal static void Remove(IntPtr pointer)
        {
            Handles.TryRemove(pointer, out _);
        }

        private static void EndAll()
        {
            exiting = true;
            var left = Handles.Count;
            if (left == 0)
            {
                return;
            }
            // Each on its own thread: one whose peer takes nothing must not use up the time of the others.
            using (var ended = new CountdownEvent(1))
            {
                foreach (var entry in Handles)
                {
                    if (!entry.Value.TryGetTarget(out var handle))
                    {
                        continue;
                    }
                    if (entry.Key == current)
                    {
                        handle.Free();
                    }
                    else if (ended.TryAddCount())
                    {
                        StartEnding(handle, ended);
                    }
                }
                ended.Signal();
                ended.Wait(ExitLimitMs);
            }
        }

        private static void StartEnding(RunningHandle handle, CountdownEvent ended)
        {
            var thread = new Thread(() =>
            {
                handle.Free();
                try
                {
                    ended.Signal();
                }
                catch (ObjectDisposedException)
                {
                    // Nobody waits any more.
                }
            });
            thread.IsBackground = true;
            thread.Name = "mqttlink exit";
            thread.Start();
        }
    }
}
