using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;

namespace MqttLink.M2Mqtt.Engine
{
    /// <summary>Runs the program's handlers: one thread, one handler at a time, in order. Messages are bounded,
    /// so that a slow program slows the server down; the bound is lifted while a handler waits for something that
    /// comes behind messages.</summary>
    internal sealed class DispatchQueue
    {
        private const int MessagesMax = 16384;
        private const long BytesMax = 16 * 1024 * 1024;

        private readonly object gate = new object();
        private readonly Queue<Entry> entries = new Queue<Entry>();
        private readonly Action<string, Exception> report;
        private Thread thread;
        private long bytes;
        private int messages;
        private int waiting;
        private bool held;
        private bool running;

        internal DispatchQueue(Action<string, Exception> report)
        {
            this.report = report;
        }

        /// <summary>Whether the caller is inside a handler.</summary>
        internal bool IsCurrent
        {
            get { return Thread.CurrentThread == thread; }
        }

        /// <summary>Queues an event.</summary>
        internal void Post(string name, Action action)
        {
            lock (gate)
            {
                Enqueue(new Entry { Name = name, Action = action });
            }
        }

        /// <summary>Queues a message when there is room, unless nobody wants it any more.</summary>
        internal void PostMessage(string name, int size, Func<bool> isWanted, Action action)
        {
            lock (gate)
            {
                while (waiting == 0 && isWanted() && messages > 0
                    && (messages >= MessagesMax || bytes + size > BytesMax))
                {
                    Monitor.Wait(gate);
                }

                if (isWanted())
                {
                    messages++;
                    bytes += size;
                    Enqueue(new Entry { Name = name, Action = action, IsMessage = true, Size = size });
                }
            }
        }

        /// <summary>Has everybody who waits for room look again whether it is still wanted.</summary>
        internal void Stir()
        {
            lock (gate)
            {
                Monitor.PulseAll(gate);
            }
        }

        /// <summary>While the result lives, a handler waits for something, if the caller is one.</summary>
        internal IDisposable Waiting()
        {
            return IsCurrent ? new Wait(this) : null;
        }

        /// <summary>Keeps the thread, and with it the client, alive while there is a connection.</summary>
        internal void Hold(bool wanted)
        {
            lock (gate)
            {
                held = wanted;
                if (wanted)
                {
                    Start();
                }

                Monitor.PulseAll(gate);
            }
        }

        /// <summary>Forgets what is queued, and waits for the handler that runs, but not for long and not for
        /// itself.</summary>
        internal void Clear(int millisecondsMax)
        {
            lock (gate)
            {
                entries.Clear();
                messages = 0;
                bytes = 0;
                held = false;
                Monitor.PulseAll(gate);
                Stopwatch clock = Stopwatch.StartNew();
                while (running && !IsCurrent && clock.ElapsedMilliseconds < millisecondsMax)
                {
                    Monitor.Wait(gate, (int)Math.Max(1, millisecondsMax - clock.ElapsedMilliseconds));
                }
            }
        }

        private void Enqueue(Entry entry)
        {
            entries.Enqueue(entry);
            Start();
            Monitor.PulseAll(gate);
        }

        private void Start()
        {
            if (thread == null)
            {
                thread = new Thread(Run);
                thread.IsBackground = true;
                thread.Name = "mqttlink-m2mqtt";
                thread.Start();
            }
        }

        private void Run()
        {
            Entry entry;
            while (Next(out entry))
            {
                try
                {
                    entry.Action();
                }
                catch (Exception error)
                {
                    report(entry.Name, error);
                }
            }
        }

        private bool Next(out Entry entry)
        {
            lock (gate)
            {
                if (running)
                {
                    running = false;
                    Monitor.PulseAll(gate);
                }

                while (entries.Count == 0)
                {
                    if (!held)
                    {
                        thread = null;
                        entry = null;
                        return false;
                    }

                    Monitor.Wait(gate);
                }

                entry = entries.Dequeue();
                running = true;
                if (entry.IsMessage)
                {
                    messages--;
                    bytes -= entry.Size;
                    Monitor.PulseAll(gate);
                }

                return true;
            }
        }

        private sealed class Entry
        {
            internal string Name;
            internal Action Action;
            internal bool IsMessage;
            internal int Size;
        }

        private sealed class Wait : IDisposable
        {
            private readonly DispatchQueue queue;

            internal Wait(DispatchQueue queue)
            {
                this.queue = queue;
                lock (queue.gate)
                {
                    queue.waiting++;
                    Monitor.PulseAll(queue.gate);
                }
            }

            public void Dispose()
            {
                lock (queue.gate)
                {
                    queue.waiting--;
                }
            }
        }
    }
}
