using System;
using System.Threading;
using System.Threading.Tasks;

namespace MqttLink.Interop
{
    /// <summary>Runs what blocks on a thread of its own, so that no thread of the pool does.</summary>
    internal static class OwnThread
    {
        internal static Task<T> Run<T>(string name, Func<T> work)
        {
            var source = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
            Start(name, () =>
            {
                try
                {
                    source.TrySetResult(work());
                }
                catch (OperationCanceledException exception)
                {
                    source.TrySetCanceled(exception.CancellationToken);
                }
                catch (Exception exception)
                {
                    source.TrySetException(exception);
                }
            });
            return source.Task;
        }

        /// <summary>
        /// As <see cref="Run{T}(string, Func{T})"/>; cancelled, <paramref name="stop"/> is called until the work
        /// has come back, since it may not have begun yet when it is called for the first time.
        /// </summary>
        internal static Task<T> Run<T>(string name, Func<T> work, Action stop, CancellationToken cancellation)
        {
            if (cancellation.IsCancellationRequested)
            {
                return Task.FromCanceled<T>(cancellation);
            }
            return Run(name, () =>
            {
                var stopper = new Stopper(stop);
                try
                {
                    using (cancellation.Register(stopper.Start))
                    {
                        var result = work();
                        if (!cancellation.IsCancellationRequested)
                        {
                            return result;
                        }
                    }
                    // It was done just before it was stopped, or because of it.
                    stop();
                    throw new OperationCanceledException(cancellation);
                }
                catch (MqttException) when (cancellation.IsCancellationRequested)
                {
                    throw new OperationCanceledException(cancellation);
                }
                finally
                {
                    stopper.End();
                }
            });
        }

        internal static void Start(string name, ThreadStart work)
        {
            new Thread(work) { IsBackground = true, Name = name }.Start();
        }

        /// <summary>
        /// Calls a function again and again from <see cref="Start"/> to <see cref="End"/>, and never after that: what
        /// it would stop then is another piece of work.
        /// </summary>
        private sealed class Stopper
        {
            private const int PeriodMs = 10;

            private readonly object gate = new object();
            private readonly Action stop;
            private Timer timer;
            private bool isOver;

            internal Stopper(Action stop)
            {
                this.stop = stop;
            }

            internal void Start()
            {
                lock (gate)
                {
                    if (!isOver)
                    {
                        timer = new Timer(state => Call(), null, 0, PeriodMs);
                    }
                }
            }

            internal void End()
            {
                lock (gate)
                {
                    isOver = true;
                    timer?.Dispose();
                }
            }

            private void Call()
            {
                // A call that lasts is not waited for by the next one, which would hold a thread of the pool.
                if (!Monitor.TryEnter(gate))
                {
                    return;
                }
                try
                {
                    if (!isOver)
                    {
                        stop();
                    }
                }
                finally
                {
                    Monitor.Exit(gate);
                }
            }
        }
    }
}
