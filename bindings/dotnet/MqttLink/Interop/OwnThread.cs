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
                Timer timer = null;
                try
                {
                    using (cancellation.Register(() => timer = new Timer(state => stop(), null, 0, 10)))
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
                    timer?.Dispose();
                }
            });
        }

        internal static void Start(string name, ThreadStart work)
        {
            new Thread(work) { IsBackground = true, Name = name }.Start();
        }
    }
}
