using System;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading;
using MqttLink.TestRunner;
using nanoFramework.M2Mqtt;
using nanoFramework.M2Mqtt.Exceptions;
using nanoFramework.M2Mqtt.Messages;

namespace M2Mqtt.Tests
{
    /// <summary>Slow handlers, floods, the garbage collector, and ends that come at a bad moment.</summary>
    public sealed class LifetimeTests
    {
        private const MqttProtocolVersion V311 = MqttProtocolVersion.Version_3_1_1;

        /// <summary>More messages come than are queued, and their handler waits for an acknowledgement that comes behind
        /// them all.</summary>
        [Test(Seconds = 60)]
        public void AHandlerCanWaitForWhatComesBehindAFlood()
        {
            const int Flood = 100000;
            byte[] packet = new MqttMsgPublish("t", new byte[1]).GetBytes(V311);
            byte[] thousand = new byte[packet.Length * 1000];
            for (int i = 0; i < 1000; i++)
            {
                Buffer.BlockCopy(packet, 0, thousand, i * packet.Length, packet.Length);
            }

            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                peer.Accept();
                for (int i = 0; i < Flood / 1000; i++)
                {
                    peer.SendRaw(thousand);
                }

                peer.Send(new MqttMsgPuback { MessageId = peer.Expect<MqttMsgPublish>().MessageId });
                peer.Expect<MqttMsgDisconnect>();
            }))
            using (MqttClient client = server.Client(V311))
            {
                int received = 0;
                MqttReasonCode code = MqttReasonCode.UnspecifiedError;
                ManualResetEvent all = new ManualResetEvent(false);
                client.MqttMsgPublishReceived += (sender, e) =>
                {
                    if (received == 0)
                    {
                        code = client.PublishAndWait("t", new byte[1], MqttQoSLevel.AtLeastOnce, false, 30000);
                    }

                    if (++received == Flood)
                    {
                        all.Set();
                    }
                };
                client.Connect("c");
                Check.Signalled(all, "the last message", 40);
                Check.Equal(MqttReasonCode.Success, code);
                client.Disconnect();
                server.Join();
            }
        }

        /// <summary>Dispose does not wait for a handler that waits, nor for a queue that is full.</summary>
        [Test(Seconds = 60)]
        public void DisposeReturnsWhileAHandlerHangsAndMessagesCome()
        {
            byte[] large = new MqttMsgPublish("t", new byte[1000000]).GetBytes(V311);
            ManualResetEvent release = new ManualResetEvent(false);
            ManualResetEvent hangs = new ManualResetEvent(false);
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                peer.Accept();
                // A client that has gone with a full window is noticed by the next probe of the system only.
                peer.SendTimeout = 3000;
                try
                {
                    while (true)
                    {
                        peer.SendRaw(large);
                    }
                }
                catch (System.IO.IOException)
                {
                    // The client has gone.
                }
            }))
            {
                MqttClient client = server.Client(V311);
                int after = 0;
                client.MqttMsgPublishReceived += (sender, e) =>
                {
                    hangs.Set();
                    release.WaitOne();
                    after++;
                };
                client.Connect("c");
                Check.Signalled(hangs, "the first message");
                Stopwatch clock = Stopwatch.StartNew();
                client.Dispose();
                Check.True(clock.ElapsedMilliseconds < 20000, "in time: " + clock.ElapsedMilliseconds + " ms");
                server.Join();
                release.Set();
                Check.Eventually(() => after == 1, "the end of the handler");
                Check.Throws<ObjectDisposedException>(() => client.Publish("t", null));
            }
        }

        /// <summary>Whoever waits for an outcome is woken by the end of the client.</summary>
        [Test]
        public void DisposeWakesWhoeverWaits()
        {
            ManualResetEvent published = new ManualResetEvent(false);
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                peer.Accept();
                peer.Expect<MqttMsgPublish>();
                published.Set();
                peer.ExpectEnd();
            }))
            {
                MqttClient client = server.Client(V311);
                client.Connect("c");
                ManualResetEvent woken = new ManualResetEvent(false);
                Thread waiter = new Thread(() =>
                {
                    try
                    {
                        client.PublishAndWait("t", null, MqttQoSLevel.AtLeastOnce, false, 20000);
                    }
                    catch (MqttCommunicationException)
                    {
                        woken.Set();
                    }
                });
                waiter.Start();
                Check.Signalled(published, "the message");
                client.Dispose();
                Check.Signalled(woken, "the waiter");
                server.Join();
            }
        }

        /// <summary>A client with a connection lives although nobody refers to it, as M2Mqtt's threads kept theirs; it is
        /// collected after the connection is gone.</summary>
        [Test(Seconds = 120)]
        public void AConnectedClientLivesAndAnEndedOneIsCollected()
        {
            ManualResetEvent collected = new ManualResetEvent(false);
            ManualResetEvent received = new ManualResetEvent(false);
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                peer.Accept();
                collected.WaitOne();
                for (int i = 0; i < 20000; i++)
                {
                    peer.Send(new MqttMsgPublish("t", Encoding.UTF8.GetBytes("x")));
                }
            }))
            {
                WeakReference client = Forgotten(server, received);
                GC.Collect();
                GC.WaitForPendingFinalizers();
                collected.Set();
                while (!received.WaitOne(0))
                {
                    GC.Collect();
                }

                server.Join();
                if (Type.GetType("Mono.Runtime") == null)
                {
                    Check.Eventually(() => IsCollected(client), "the collection", 30);
                }
            }
        }

        /// <summary>Attempts to reconnect end with the client.</summary>
        [Test]
        public void DisposeEndsTheAttemptsToReconnect()
        {
            MqttClient client;
            Recorder events;
            using (ScriptedServer server = ScriptedServer.Once(peer => peer.Accept()))
            {
                client = server.Client(V311);
                events = new Recorder(client);
                client.AutoReconnect = true;
                client.Connect("c");
                events.Await("closed");
                server.Join();
            }

            Stopwatch clock = Stopwatch.StartNew();
            client.Dispose();
            Check.True(clock.ElapsedMilliseconds < 20000, "in time: " + clock.ElapsedMilliseconds + " ms");
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static WeakReference Forgotten(ScriptedServer server, ManualResetEvent received)
        {
            MqttClient client = server.Client(V311);
            int count = 0;
            client.MqttMsgPublishReceived += (sender, e) =>
            {
                if (++count == 20000)
                {
                    received.Set();
                }
            };
            client.Connect("c");
            return new WeakReference(client);
        }

        private static bool IsCollected(WeakReference reference)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return !reference.IsAlive;
        }
    }
}
