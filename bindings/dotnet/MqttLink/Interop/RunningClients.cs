using System;
using System.Collections.Concurrent;
using System.Threading;

namespace MqttLink.Interop
{
    /// <summary>
    /// The clients of this process that have not been freed. When the process exits their threads are ended
    /// first: a runtime that is being taken down must not be called any more.
    /// </summary>
    internal static class RunningClients
    {
        // Long enough for a client to write what it has accepted, short enough for whoever waits for the exit.
        private const int ExitLimitMs = 1500;

        private static readonly ConcurrentDictionary<IntPtr, WeakReference<ClientHandle>> Clients =
            new ConcurrentDictionary<IntPtr, WeakReference<ClientHandle>>();

        private static volatile bool exiting;

        static RunningClients()
        {
            AppDomain.CurrentDomain.ProcessExit += (sender, arguments) => EndAll();
            AppDomain.CurrentDomain.DomainUnload += (sender, arguments) => EndAll();
        }

        /// <summary>Whether the process is on its way out: nothing of the program's is called any more.</summary>
        internal static bool Exiting => exiting;

        internal static void Add(ClientHandle client, IntPtr pointer)
        {
            Clients[pointer] = new WeakReference<ClientHandle>(client, true);
        }

        internal static void Remove(IntPtr pointer)
        {
            Clients.TryRemove(pointer, out _);
        }

        private static void EndAll()
        {
            exiting = true;
            var left = Clients.Count;
            if (left == 0)
            {
                return;
            }
            // Each on its own thread: one whose peer takes nothing must not use up the time of the others.
            using (var ended = new CountdownEvent(1))
            {
                foreach (var entry in Clients)
                {
                    if (entry.Value.TryGetTarget(out var client) && ended.TryAddCount())
                    {
                        StartEnding(client, ended);
                    }
                }
                ended.Signal();
                ended.Wait(ExitLimitMs);
            }
        }

        private static void StartEnding(ClientHandle client, CountdownEvent ended)
        {
            var thread = new Thread(() =>
            {
                client.Free();
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
