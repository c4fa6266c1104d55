using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using MqttLink.TestRunner;
using nanoFramework.M2Mqtt;
using nanoFramework.M2Mqtt.Messages;

namespace M2Mqtt.Tests
{
    /// <summary>Takes down all events of a client, each as one line, and on which threads they ran.</summary>
    internal sealed class Recorder
    {
        private readonly List<string> lines = new List<string>();
        private readonly HashSet<int> threads = new HashSet<int>();
        private int inside;

        internal Recorder(MqttClient client)
        {
            client.MqttMsgPublishReceived += (sender, e) =>
                Note("message " + e.Topic + " " + Encoding.UTF8.GetString(e.Message), e);
            client.MqttMsgPublished += (sender, e) => Note("published " + e.MessageId + " " + e.IsPublished, e);
            client.MqttMsgSubscribed += (sender, e) => Note("subscribed " + e.MessageId + " "
                + string.Join(",", e.GrantedQoSLevels.Select(level => (int)level)), e);
            client.MqttMsgUnsubscribed += (sender, e) => Note("unsubscribed " + e.MessageId, e);
            client.ConnectionOpened += (sender, e) => Note("opened " + (int)e.Message.ReturnCode, e);
            client.ConnectionClosed += (sender, e) => Note("closed", e);
            client.ConnectionClosedRequest += (sender, e) => Note("close requested " + (int)e.Message.ResonCode, e);
            client.HandlerException += (sender, e) => Note("handler " + e.EventName + " " + e.Exception.Message, e);
        }

        internal int Threads
        {
            get
            {
                lock (lines)
                {
                    return threads.Count;
                }
            }
        }

        internal string[] Lines
        {
            get
            {
                lock (lines)
                {
                    return lines.ToArray();
                }
            }
        }

        /// <summary>Waits until a line that begins with this has come, and returns the arguments of the event.</summary>
        internal T Await<T>(string start) where T : EventArgs
        {
            EventArgs found = null;
            lock (lines)
            {
                DateTime end = DateTime.UtcNow.AddSeconds(10);
                while ((found = Find(start)) == null)
                {
                    TimeSpan left = end - DateTime.UtcNow;
                    if (left <= TimeSpan.Zero || !Monitor.Wait(lines, left))
                    {
                        throw new AssertionException("'" + start + "' did not come within 10 s; there was: "
                            + string.Join("; ", lines));
                    }
                }
            }

            return (T)found;
        }

        /// <summary>The arguments of the events of this line that have come so far.</summary>
        internal MqttMsgPublishEventArgs[] Messages(string line)
        {
            lock (lines)
            {
                return arguments.Where((e, index) => lines[index] == line).Cast<MqttMsgPublishEventArgs>().ToArray();
            }
        }

        internal void Await(string start)
        {
            Await<EventArgs>(start);
        }

        private readonly List<EventArgs> arguments = new List<EventArgs>();

        private EventArgs Find(string start)
        {
            int index = lines.FindIndex(line => line.StartsWith(start, StringComparison.Ordinal));
            return index < 0 ? null : arguments[index];
        }

        private void Note(string line, EventArgs e)
        {
            if (Interlocked.Increment(ref inside) != 1)
            {
                line += " AT THE SAME TIME AS ANOTHER";
            }

            lock (lines)
            {
                lines.Add(line);
                arguments.Add(e);
                threads.Add(Thread.CurrentThread.ManagedThreadId);
                Monitor.PulseAll(lines);
            }

            Interlocked.Decrement(ref inside);
        }
    }
}
