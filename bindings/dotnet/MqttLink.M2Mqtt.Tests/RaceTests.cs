using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Text;
using System.Threading;
using MqttLink.TestRunner;
using nanoFramework.M2Mqtt;
using nanoFramework.M2Mqtt.Exceptions;
using nanoFramework.M2Mqtt.Messages;

namespace M2Mqtt.Tests
{
    /// <summary>Calls from several threads, and connections that end as soon as they have begun.</summary>
    public sealed class RaceTests
    {
        private const MqttProtocolVersion V311 = MqttProtocolVersion.Version_3_1_1;

        /// <summary>What was handed over, and not sent when the connection was lost, goes before what was still
        /// waiting.</summary>
        [Test(Seconds = 60)]
        public void TheOrderOfMessagesSurvivesALossWithAFullQueue()
        {
            const int Messages = 200;
            ManualResetEvent queued = new ManualResetEvent(false);
            List<int> seen = new List<int>();
            using (ScriptedServer server = ScriptedServer.Run(listener =>
            {
                using (Peer deaf = listener.Accept())
                {
                    deaf.Accept();
                    queued.WaitOne(10000);
                }

                using (Peer peer = listener.Accept())
                {
                    peer.Accept();
                    for (int last = -1; last != Messages - 1;)
                    {
                        last = int.Parse(peer.Expect<MqttMsgPublish>().Topic);
                        seen.Add(last);
                    }
                }
            }))
            using (MqttClient client = server.Client(V311))
            {
                Recorder events = new Recorder(client);
                client.Connect("c");
                byte[] large = new byte[256 * 1024];
                for (int i = 0; i < Messages; i++)
                {
                    client.Publish(i.ToString(), large);
                }

                queued.Set();
                events.Await("closed");
                client.Connect("c");
                server.Join();
            }

            Check.True(seen.Count > 10, "that something was left to be sent: " + seen.Count);
            Check.Equal(string.Join(" ", seen.OrderBy(number => number)), string.Join(" ", seen));
        }

        /// <summary>The end of a connection is told before <c>Connect</c> has come back, or after: the client goes on
        /// reconnecting in either case.</summary>
        [Test(Seconds = 60)]
        public void AConnectionThatEndsAtOnceDoesNotEndTheReconnecting()
        {
            const int Clients = 40;
            const int Rounds = 3;
            ConcurrentDictionary<string, int> rounds = new ConcurrentDictionary<string, int>();
            List<MqttClient> clients = new List<MqttClient>();
            using (ScriptedServer server = ScriptedServer.Run(listener =>
            {
                while (rounds.Count < Clients || rounds.Values.Any(count => count < Rounds))
                {
                    using (Peer peer = listener.Accept())
                    {
                        rounds.AddOrUpdate(peer.Accept().ClientId, 1, (id, count) => count + 1);
                    }
                }
            }))
            {
                for (int i = 0; i < Clients; i++)
                {
                    MqttClient client = server.Client(V311);
                    client.AutoReconnect = true;
                    clients.Add(client);
                    client.Connect("c" + i);
                }

                try
                {
                    server.Join();
                }
                finally
                {
                    clients.ForEach(client => client.Dispose());
                }
            }
        }

        /// <summary>A connection that is being ended is none any more: whoever sees that may connect.</summary>
        [Test]
        public void ConnectWaitsForTheEndOfAConnectionThatIsBeingEnded()
        {
            using (ScriptedServer server = ScriptedServer.Run(listener =>
            {
                using (Peer peer = listener.Accept())
                {
                    peer.Accept();
                    peer.Expect<MqttMsgDisconnect>();
                    // The client waits for a moment for the server to close, which this one does not.
                    using (Peer again = listener.Accept())
                    {
                        again.Accept();
                        again.Expect<MqttMsgDisconnect>();
                    }
                }
            }))
            using (MqttClient client = server.Client(V311))
            {
                client.Connect("c");
                Thread leaving = new Thread(client.Disconnect);
                leaving.Start();
                SpinWait.SpinUntil(() => !client.IsConnected);
                Check.Equal(MqttReasonCode.Success, client.Connect("c"));
                leaving.Join();
                Check.True(client.IsConnected, "that the new connection stays");
                client.Disconnect();
                server.Join();
            }
        }

        /// <summary>Whoever asks and disconnects while another thread connects and closes gets an answer or M2Mqtt's
        /// exceptions.</summary>
        [Test(Seconds = 60)]
        public void CloseBesideEveryOtherCall()
        {
            const int Rounds = 300;
            using (MqttLink.MqttBroker broker = new MqttLink.MqttBroker())
            using (MqttClient client = Clients.For(broker.Port, V311))
            {
                bool over = false;
                ConcurrentQueue<Exception> unexpected = new ConcurrentQueue<Exception>();
                Action[] calls =
                {
                    () => { bool connected = client.IsConnected; },
                    client.Disconnect,
                    client.Close,
                    () => client.Publish("t", new byte[1], MqttQoSLevel.AtLeastOnce, false),
                    () => client.Subscribe(new[] { "t" }, new[] { MqttQoSLevel.AtMostOnce })
                };
                Thread[] threads = calls.Select(call => new Thread(() =>
                {
                    while (!Volatile.Read(ref over))
                    {
                        Try(call, unexpected);
                    }
                })).ToArray();
                Array.ForEach(threads, thread => thread.Start());
                for (int i = 0; i < Rounds; i++)
                {
                    Try(() => client.Connect("c"), unexpected);
                }

                Volatile.Write(ref over, true);
                Array.ForEach(threads, thread => thread.Join());
                Check.Equal(string.Empty, string.Join("\n", unexpected.Take(3)));
            }
        }

        /// <summary>A client that is disposed while it connects leaves no thread behind.</summary>
        [Test(Seconds = 60)]
        public void DisposeWhileConnectingLeavesNothing()
        {
            const int Rounds = 300;
            using (MqttLink.MqttBroker broker = new MqttLink.MqttBroker())
            {
                int before = System.IO.Directory.GetDirectories("/proc/self/task").Length;
                Random random = new Random(5);
                ConcurrentQueue<Exception> unexpected = new ConcurrentQueue<Exception>();
                for (int i = 0; i < Rounds; i++)
                {
                    MqttClient client = Clients.For(broker.Port, V311);
                    Thread connecting = new Thread(() => Try(() => client.Connect("c"), unexpected));
                    connecting.Start();
                    Thread.SpinWait(random.Next(200000));
                    client.Dispose();
                    connecting.Join();
                    Check.True(!client.IsConnected, "that it is not connected");
                }

                Check.Equal(string.Empty, string.Join("\n", unexpected.Take(3)));
                Check.Eventually(
                    () => System.IO.Directory.GetDirectories("/proc/self/task").Length <= before + 15, "few threads");
            }
        }

        /// <summary>No event begins once Close has returned, also of a session that goes on and of a connection that ends
        /// at that moment.</summary>
        [Test(Seconds = 60)]
        public void NoEventBeginsAfterClose()
        {
            const int Rounds = 1000;
            using (MqttLink.MqttBroker broker = new MqttLink.MqttBroker())
            using (MqttClient client = Clients.For(broker.Port, V311))
            {
                bool closed = false;
                ConcurrentQueue<string> late = new ConcurrentQueue<string>();
                Action<string> note = name =>
                {
                    if (Volatile.Read(ref closed))
                    {
                        late.Enqueue(name);
                    }
                };
                client.ConnectionOpened += (sender, e) => note("opened");
                client.ConnectionClosed += (sender, e) => note("closed");
                client.MqttMsgPublished += (sender, e) => note("published");
                Random random = new Random(7);
                for (int i = 0; i < Rounds; i++)
                {
                    Volatile.Write(ref closed, false);
                    client.Connect("c", false);
                    client.Publish("t", new byte[1], MqttQoSLevel.AtLeastOnce, false);
                    broker.Disconnect("c");
                    Thread.SpinWait(random.Next(20000));
                    Stopwatch clock = Stopwatch.StartNew();
                    client.Close();
                    // A handler that has begun is waited for, a second at most: a busy machine may not let it run for longer.
                    Volatile.Write(ref closed, clock.ElapsedMilliseconds < 900);
                    broker.WaitForClientToGo("c", TimeSpan.FromSeconds(10));
                }

                Check.Equal(string.Empty, string.Join(" ", late.Take(10)));
            }
        }

        /// <summary>Each connection has its end told, also where the program connects anew before that.</summary>
        [Test(Seconds = 60)]
        public void EveryEndIsToldOnceBesideConnect()
        {
            const int Rounds = 500;
            using (MqttLink.MqttBroker broker = new MqttLink.MqttBroker())
            using (MqttClient client = Clients.For(broker.Port, V311))
            {
                int opened = 0;
                int closed = 0;
                client.ConnectionOpened += (sender, e) => Interlocked.Increment(ref opened);
                client.ConnectionClosed += (sender, e) => Interlocked.Increment(ref closed);
                for (int i = 0; i < Rounds; i++)
                {
                    client.Connect("c");
                    broker.Disconnect("c");
                    SpinWait.SpinUntil(() => !client.IsConnected);
                }

                Check.Eventually(() => Volatile.Read(ref closed) >= Rounds, "the last end; " + closed + " were told");
                Check.Equal(Rounds + " " + Rounds, opened + " " + closed);
            }
        }

        private static void Try(Action call, ConcurrentQueue<Exception> unexpected)
        {
            try
            {
                call();
            }
            catch (Exception error)
            {
                bool expected = error is MqttCommunicationException || error is MqttConnectionException
                    || error is InvalidOperationException
                    || (error is MqttClientException full && full.ErrorCode == MqttClientErrorCode.InflightQueueFull);
                // A closed client may be used again; only a disposed one says so.
                bool disposed = error is ObjectDisposedException && error.ToString().Contains("SafeHandle");
                if (!expected || disposed || error.Message.Contains("Safe handle"))
                {
                    unexpected.Enqueue(error);
                }
            }
        }
    }
}
