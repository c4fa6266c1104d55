using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Linq;
using System.Text;
using System.Threading;
using MqttLink.TestRunner;
using MqttLink.Tests;
using nanoFramework.M2Mqtt;
using nanoFramework.M2Mqtt.Exceptions;
using nanoFramework.M2Mqtt.Messages;

namespace M2Mqtt.Tests
{
    /// <summary>What programs written for M2Mqtt rely on.</summary>
    public sealed class SemanticsTests
    {
        private static readonly byte[] Payload = Encoding.UTF8.GetBytes("x");

        /// <summary>All handlers run on one thread, one at a time, in the order of what happened.</summary>
        [Test]
        public void Semantics01_EventsRunOneAtATimeInOrderOnOneThread()
        {
            const int Count = 500;
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                peer.Accept();
                for (int i = 0; i < Count; i++)
                {
                    peer.Send(new MqttMsgPublish("t", Encoding.UTF8.GetBytes(i.ToString())));
                }

                peer.Expect<MqttMsgDisconnect>();
            }))
            using (MqttClient client = server.Client(MqttProtocolVersion.Version_3_1_1))
            {
                Recorder events = new Recorder(client);
                client.Connect("c");
                events.Await("message t " + (Count - 1));
                client.Disconnect();
                events.Await("closed");
                List<string> expected = new List<string> { "opened 0" };
                expected.AddRange(Enumerable.Range(0, Count).Select(i => "message t " + i));
                expected.Add("closed");
                Check.Equal(expected, events.Lines);
                Check.Equal(1, events.Threads, "the number of threads");
                server.Join();
            }
        }

        /// <summary>Refusals are returned, in the numbers of the version.</summary>
        [Test]
        [Case(MqttProtocolVersion.Version_3_1, 5, MqttReasonCode.ConnectionRefusedNotAuthorized)]
        [Case(MqttProtocolVersion.Version_3_1_1, 1, MqttReasonCode.ConnectionRefusedUnacceptableProtocolVersion)]
        [Case(MqttProtocolVersion.Version_3_1_1, 2, MqttReasonCode.ConnectionRefusedIdentifierRejected)]
        [Case(MqttProtocolVersion.Version_3_1_1, 3, MqttReasonCode.ConnectionRefusedServerUnavailable)]
        [Case(MqttProtocolVersion.Version_3_1_1, 4, MqttReasonCode.ConnectionRefusedBadUserNameOrPassword)]
        [Case(MqttProtocolVersion.Version_5, 0x87, MqttReasonCode.NotAuthorized)]
        [Case(MqttProtocolVersion.Version_5, 0x9D, MqttReasonCode.ServerMoved)]
        public void Semantics02_ConnectReturnsTheCodeOfARefusal(
            MqttProtocolVersion version, int code, MqttReasonCode expected)
        {
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                peer.Accept(new MqttMsgConnack { ReturnCode = (MqttReasonCode)code });
                peer.ExpectEnd();
            }))
            using (MqttClient client = server.Client(version))
            {
                Recorder events = new Recorder(client);
                Check.Equal(expected, client.Connect("c"));
                Check.True(!client.IsConnected, "not connected");
                ConnectionOpenedEventArgs opened = events.Await<ConnectionOpenedEventArgs>("opened");
                Check.Equal(expected, opened.Message.ReturnCode);
                server.Join();
            }
        }

        /// <summary>Without a link, or without an answer, Connect throws what M2Mqtt throws.</summary>
        [Test]
        public void Semantics02_ConnectThrowsWithoutALinkAndWithoutAnAnswer()
        {
            string host;
            int closed;
            using (ScriptedServer server = new ScriptedServer())
            {
                host = server.Host;
                closed = server.Port;
            }

            using (MqttClient client = new MqttClient(
                host, closed, false, null, null, MqttSslProtocols.None))
            {
                MqttConnectionException error = Check.Throws<MqttConnectionException>(() => client.Connect("c"));
                Check.True(error.Message.Contains(host), "the message names the server");
            }

            using (ScriptedServer server = ScriptedServer.Once(peer => peer.Expect<MqttMsgConnect>()))
            using (MqttClient client = server.Client(MqttProtocolVersion.Version_3_1_1))
            {
                Check.Throws<MqttCommunicationException>(() => client.Connect("c"));
                server.Join();
            }
        }

        /// <summary>Publish, Subscribe and Unsubscribe return at once while the server says nothing.</summary>
        [Test(Seconds = 60)]
        public void Semantics03_RequestsNeverWait()
        {
            ManualResetEvent asked = new ManualResetEvent(false);
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                peer.Accept();
                asked.WaitOne();
                peer.Next();
            }))
            using (MqttClient client = server.Client(MqttProtocolVersion.Version_3_1_1))
            {
                client.Connect("c");
                Stopwatch clock = Stopwatch.StartNew();
                HashSet<ushort> ids = new HashSet<ushort>();
                byte[] large = new byte[100000];
                for (int i = 0; i < 300; i++)
                {
                    Check.True(ids.Add(client.Publish("t", large, (MqttQoSLevel)(1 + (i % 2)), false)), "a new id");
                }

                Check.True(ids.Add(client.Subscribe(new[] { "t" }, new[] { MqttQoSLevel.AtMostOnce })), "a new id");
                Check.True(ids.Add(client.Unsubscribe(new[] { "t" })), "a new id");
                Check.True(!ids.Contains(0), "no id is 0");
                Check.True(clock.ElapsedMilliseconds < 25000, "the calls do not wait");
                asked.Set();
                client.Close();
                server.Join();
            }
        }

        /// <summary>The queue's limit is that of the settings.</summary>
        [Test]
        public void Semantics03_AFullQueueIsToldToTheCaller()
        {
            using (MqttClient client = new MqttClient("127.0.0.1"))
            {
                client.Settings.InflightQueueSize = 2;
                client.Publish("t", Payload, MqttQoSLevel.AtLeastOnce, false);
                client.Publish("t", Payload);
                MqttClientException error = Check.Throws<MqttClientException>(
                    () => client.Publish("t", Payload, MqttQoSLevel.AtLeastOnce, false));
                Check.Equal(MqttClientErrorCode.InflightQueueFull, error.ErrorCode);
            }
        }

        /// <summary>The outcome comes at PUBACK and PUBCOMP, and not at all for QoS 0.</summary>
        [Test]
        public void Semantics04_PublishedComesAtTheLastAcknowledgement()
        {
            ManualResetEvent received = new ManualResetEvent(false);
            ManualResetEvent seen = new ManualResetEvent(false);
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                peer.Accept();
                peer.Expect<MqttMsgPublish>();
                MqttMsgPublish first = peer.Expect<MqttMsgPublish>();
                MqttMsgPublish second = peer.Expect<MqttMsgPublish>();
                peer.Send(new MqttMsgPuback { MessageId = first.MessageId });
                peer.Send(new MqttMsgPubrec { MessageId = second.MessageId });
                peer.Expect<MqttMsgPubrel>();
                received.Set();
                seen.WaitOne();
                peer.Send(new MqttMsgPubcomp { MessageId = second.MessageId });
                peer.Expect<MqttMsgDisconnect>();
            }))
            using (MqttClient client = server.Client(MqttProtocolVersion.Version_3_1_1))
            {
                Recorder events = new Recorder(client);
                client.Connect("c");
                ushort none = client.Publish("t", Payload);
                ushort one = client.Publish("t", Payload, MqttQoSLevel.AtLeastOnce, false);
                ushort two = client.Publish("t", Payload, MqttQoSLevel.ExactlyOnce, false);
                Check.True(none != 0 && one != 0 && two != 0, "every message has an id");
                Check.Signalled(received, "PUBREL");
                events.Await("published " + one + " True");
                Check.True(!events.Lines.Contains("published " + two + " True"), "PUBREC is not the end");
                seen.Set();
                events.Await("published " + two + " True");
                client.Disconnect();
                events.Await("closed");
                Check.Equal(2, events.Lines.Count(line => line.StartsWith("published")), "the number of outcomes");
                server.Join();
            }
        }

        /// <summary>Everything may be called inside a handler, also what waits.</summary>
        [Test]
        public void Semantics05_EveryCallIsSafeInsideAMessageHandler()
        {
            using (Mosquitto broker = Mosquitto.Start())
            using (MqttClient client = Clients.For(broker, MqttProtocolVersion.Version_5))
            {
                Recorder events = new Recorder(client);
                AutoResetEvent done = new AutoResetEvent(false);
                string result = null;
                client.MqttMsgPublishReceived += (sender, e) =>
                {
                    if (e.Topic != "start")
                    {
                        return;
                    }

                    MqttReasonCode[] codes = client.SubscribeAndWait(
                        new[] { "echo" }, new[] { MqttQoSLevel.ExactlyOnce }, 5000);
                    MqttReasonCode code = client.PublishAndWait(
                        "echo", Payload, MqttQoSLevel.ExactlyOnce, false, 5000);
                    client.Unsubscribe(new[] { "nothing" });
                    bool all = client.WaitAll(5000);
                    client.Disconnect();
                    result = (int)codes[0] + " " + (int)code + " " + all;
                    done.Set();
                };
                client.Connect("c");
                client.SubscribeAndWait(new[] { "start" }, new[] { MqttQoSLevel.AtLeastOnce }, 5000);
                client.Publish("start", Payload);
                Check.Signalled(done, "the handler");
                Check.Equal("2 0 True", result);
                events.Await("closed");
            }
        }

        /// <summary>ConnectionOpened comes for every CONNACK, refusals included, before everything that came with the
        /// connection, and the server's DISCONNECT before the end. In M2Mqtt both came on the thread that reads, so that
        /// nothing could be waited for inside; here they come on the thread of the other events.</summary>
        [Test]
        public void Semantics06_OpenedAndTheServersGoodbyeComeInOrderWithTheOtherEvents()
        {
            using (ScriptedServer server = ScriptedServer.Run(listener =>
            {
                using (Peer refusing = listener.Accept())
                {
                    refusing.Accept(new MqttMsgConnack { ReturnCode = MqttReasonCode.NotAuthorized });
                    refusing.ExpectEnd();
                }

                using (Peer peer = listener.Accept())
                {
                    peer.Accept();
                    peer.Send(new MqttMsgPublish("t", Payload));
                    peer.Send(new MqttMsgPuback { MessageId = peer.Expect<MqttMsgPublish>().MessageId });
                    peer.Send(new MqttMsgDisconnect { ReasonCode = MqttReasonCode.ServerBusy });
                }
            }))
            using (MqttClient client = server.Client(MqttProtocolVersion.Version_5))
            {
                List<MqttReasonCode> inside = new List<MqttReasonCode>();
                Recorder events = new Recorder(client);
                client.ConnectionOpened += (sender, e) =>
                {
                    if (e.Message.ReturnCode == MqttReasonCode.Success)
                    {
                        inside.Add(client.PublishAndWait("t", Payload, MqttQoSLevel.AtLeastOnce, false, 10000));
                    }
                };
                Check.Equal(MqttReasonCode.NotAuthorized, client.Connect("c"));
                Check.Equal(MqttReasonCode.Success, client.Connect("c"));
                events.Await("closed");
                Check.Equal(new[] { MqttReasonCode.Success }, inside);
                Check.Equal(new[] { "opened 135", "opened 0", "message t x", "close requested 137", "closed" },
                    events.Lines.Where(line => !line.StartsWith("published")));
                server.Join();
            }
        }

        /// <summary>ConnectionClosed comes once for a lost link, and once after Disconnect.</summary>
        [Test]
        public void Semantics07_ClosedComesOnceAfterALossAndAfterDisconnect()
        {
            using (ScriptedServer server = ScriptedServer.Run(listener =>
            {
                using (Peer peer = listener.Accept())
                {
                    peer.Accept();
                    peer.Send(new MqttMsgPublish("t", Payload));
                }

                using (Peer peer = listener.Accept())
                {
                    peer.Accept();
                    peer.Expect<MqttMsgDisconnect>();
                }
            }))
            using (MqttClient client = server.Client(MqttProtocolVersion.Version_3_1_1))
            {
                Recorder events = new Recorder(client);
                client.Connect("c");
                events.Await("closed");
                Check.Equal(new[] { "opened 0", "message t x", "closed" }, events.Lines);
                Check.True(!client.IsConnected, "not connected");
                client.Connect("c");
                client.Disconnect();
                Check.Eventually(() => events.Lines.Length == 5, "the second end");
                Check.Equal("closed", events.Lines[4]);
                server.Join();
            }
        }

        /// <summary>A loop of Connect inside ConnectionClosed, through many losses.</summary>
        [Test(Seconds = 120)]
        public void Semantics07_ConnectInsideConnectionClosedThroughAHundredLosses()
        {
            const int Losses = 100;
            using (ScriptedServer server = ScriptedServer.Run(listener =>
            {
                for (int i = 0; i < Losses; i++)
                {
                    using (Peer peer = listener.Accept())
                    {
                        peer.Accept();
                    }
                }

                using (Peer peer = listener.Accept())
                {
                    peer.Accept();
                    peer.Expect<MqttMsgDisconnect>();
                }
            }))
            using (MqttClient client = server.Client(MqttProtocolVersion.Version_3_1_1))
            {
                int closed = 0;
                bool wanted = true;
                ManualResetEvent last = new ManualResetEvent(false);
                client.ConnectionClosed += (sender, e) =>
                {
                    closed++;
                    while (wanted && client.Connect("c") != MqttReasonCode.Success)
                    {
                        Check.True(false, "a refusal");
                    }

                    if (closed == Losses)
                    {
                        last.Set();
                    }
                };
                client.Connect("c");
                Check.Signalled(last, "the last reconnect", 100);
                Check.True(client.IsConnected, "connected");
                wanted = false;
                client.Disconnect();
                Check.Eventually(() => closed == Losses + 1, "the end");
                server.Join();
            }
        }

        /// <summary>Disconnect sends DISCONNECT, behind what was accepted, and throws without a connection.</summary>
        [Test]
        public void Semantics08_DisconnectSendsWhatWasAcceptedFirst()
        {
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                peer.Accept();
                for (int i = 0; i < 300; i++)
                {
                    MqttMsgPublish message = peer.Expect<MqttMsgPublish>();
                    peer.Send(new MqttMsgPuback { MessageId = message.MessageId });
                }

                peer.Expect<MqttMsgDisconnect>();
                peer.ExpectEnd();
            }))
            using (MqttClient client = server.Client(MqttProtocolVersion.Version_3_1_1))
            {
                Check.Throws<MqttCommunicationException>(() => client.Disconnect());
                client.Connect("c");
                for (int i = 0; i < 300; i++)
                {
                    client.Publish("t", Payload, MqttQoSLevel.AtLeastOnce, false);
                }

                client.Disconnect();
                Check.True(!client.IsConnected, "not connected");
                Check.Throws<MqttCommunicationException>(() => client.Disconnect());
                server.Join();
            }
        }

        /// <summary>Close sends no DISCONNECT and makes no event, and the client connects again afterwards.</summary>
        [Test]
        public void Semantics09_CloseLetsTheWillBePublishedAndIsNotTold()
        {
            using (Mosquitto broker = Mosquitto.Start())
            using (MqttClient watcher = Clients.For(broker, MqttProtocolVersion.Version_3_1_1))
            using (MqttClient client = Clients.For(broker, MqttProtocolVersion.Version_3_1_1))
            {
                Recorder seen = new Recorder(watcher);
                watcher.Connect("watcher");
                watcher.SubscribeAndWait(new[] { "will" }, new[] { MqttQoSLevel.AtLeastOnce }, 5000);
                Recorder events = new Recorder(client);
                client.Connect("c", null, null, false, MqttQoSLevel.AtLeastOnce, true, "will", "gone", true, 60);
                events.Await("opened");
                client.Close();
                seen.Await("message will gone");
                Check.Equal(new[] { "opened 0" }, events.Lines);
                Check.Equal(MqttReasonCode.Success, client.Connect("c"));
                client.Disconnect();
                events.Await("closed");
            }
        }

        /// <summary>With a persistent session, what was not acknowledged is sent again by the next Connect of the
        /// same object.</summary>
        [Test]
        public void Semantics10_ASessionIsRestoredAcrossConnects()
        {
            using (ScriptedServer server = ScriptedServer.Run(listener =>
            {
                ushort one;
                ushort two;
                using (Peer peer = listener.Accept())
                {
                    peer.Accept();
                    one = peer.Expect<MqttMsgPublish>().MessageId;
                    two = peer.Expect<MqttMsgPublish>().MessageId;
                    peer.Send(new MqttMsgPubrec { MessageId = two });
                    peer.Expect<MqttMsgPubrel>();
                }

                using (Peer peer = listener.Accept())
                {
                    Check.Equal("other", peer.Accept(new MqttMsgConnack { SessionPresent = true }).Password);
                    Check.Equal(two, peer.Expect<MqttMsgPubrel>().MessageId, "PUBREL, not PUBLISH");
                    MqttMsgPublish again = peer.Expect<MqttMsgPublish>();
                    Check.Equal(one, again.MessageId, "the identifier");
                    Check.True(again.DupFlag, "DUP is set");
                    peer.Send(new MqttMsgPubcomp { MessageId = two });
                    peer.Send(new MqttMsgPuback { MessageId = one });
                    peer.Expect<MqttMsgDisconnect>();
                }
            }))
            using (MqttClient client = server.Client(MqttProtocolVersion.Version_3_1_1))
            {
                Recorder events = new Recorder(client);
                client.Connect("c", "user", "secret", false, 60);
                ushort first = client.Publish("t", Payload, MqttQoSLevel.AtLeastOnce, false);
                ushort second = client.Publish("t", Payload, MqttQoSLevel.ExactlyOnce, false);
                events.Await("closed");
                client.Connect("c", "user", "other", false, 60);
                client.Disconnect();
                server.Join();
                events.Await("published " + first + " True");
                events.Await("published " + second + " True");
            }
        }

        /// <summary>A clean session forgets what was not acknowledged, and says so.</summary>
        [Test]
        public void Semantics10_ACleanSessionForgetsWhatWasNotAcknowledged()
        {
            using (ScriptedServer server = ScriptedServer.Run(listener =>
            {
                using (Peer peer = listener.Accept())
                {
                    peer.Accept();
                    peer.Expect<MqttMsgPublish>();
                }

                using (Peer peer = listener.Accept())
                {
                    peer.Accept();
                    peer.Expect<MqttMsgDisconnect>();
                }
            }))
            using (MqttClient client = server.Client(MqttProtocolVersion.Version_3_1_1))
            {
                Recorder events = new Recorder(client);
                client.Connect("c");
                ushort id = client.Publish("t", Payload, MqttQoSLevel.AtLeastOnce, false);
                events.Await("published " + id + " False");
                client.Connect("c");
                client.Disconnect();
                server.Join();
            }
        }

        /// <summary>What is published without a connection is sent by the next Connect, in order and once.</summary>
        [Test]
        public void Semantics11_WhatIsPublishedOfflineIsSentOnTheNextConnect()
        {
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                peer.Accept();
                for (int i = 0; i < 5; i++)
                {
                    MqttMsgPublish message = peer.Expect<MqttMsgPublish>();
                    Check.Equal(i.ToString(), Encoding.UTF8.GetString(message.Message));
                    if (message.QosLevel == MqttQoSLevel.AtLeastOnce)
                    {
                        peer.Send(new MqttMsgPuback { MessageId = message.MessageId });
                    }
                }

                MqttMsgSubscribe subscribe = peer.Expect<MqttMsgSubscribe>();
                peer.Send(new MqttMsgSuback
                {
                    MessageId = subscribe.MessageId,
                    GrantedQoSLevels = new[] { MqttQoSLevel.AtMostOnce }
                });
                peer.Expect<MqttMsgDisconnect>();
            }))
            using (MqttClient client = server.Client(MqttProtocolVersion.Version_3_1_1))
            {
                Recorder events = new Recorder(client);
                for (int i = 0; i < 5; i++)
                {
                    client.Publish("t", Encoding.UTF8.GetBytes(i.ToString()), (MqttQoSLevel)(i % 2), false);
                }

                ushort id = client.Subscribe(new[] { "t" }, new[] { MqttQoSLevel.AtMostOnce });
                client.Connect("c");
                events.Await("subscribed " + id + " 0");
                client.Disconnect();
                server.Join();
            }
        }

        /// <summary>In an authentication flow Connect returns before CONNACK, and IsConnected follows it.</summary>
        [Test]
        public void Semantics12_ConnectReturnsAtOnceInAnAuthenticationFlow()
        {
            ManualResetEvent returned = new ManualResetEvent(false);
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                peer.Expect<MqttMsgConnect>();
                Check.Signalled(returned, "the return of Connect");
                peer.Send(new MqttMsgConnack { AuthenticationMethod = "M" });
                peer.Expect<MqttMsgDisconnect>();
            }))
            using (MqttClient client = server.Client(MqttProtocolVersion.Version_5))
            {
                client.IsAuthenticationFlow = true;
                client.AuthenticationMethod = "M";
                client.Authentication += (sender, e) => { };
                Check.Equal(MqttReasonCode.Success, client.Connect("c"));
                Check.True(!client.IsConnected, "not connected before CONNACK");
                returned.Set();
                Check.Eventually(() => client.IsConnected, "the connection");
                client.Disconnect();
                server.Join();
            }
        }

        /// <summary>A server that does not answer PINGREQ is noticed.</summary>
        [Test]
        public void Semantics13_PingIsSentWhenNothingElseWas()
        {
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                peer.Accept();
                peer.Expect<MqttMsgPingReq>();
                peer.Send(new MqttMsgPingResp());
                peer.Expect<MqttMsgPingReq>();
            }))
            using (MqttClient client = server.Client(MqttProtocolVersion.Version_3_1_1))
            {
                Recorder events = new Recorder(client);
                client.Connect("c", null, null, true, 1);
                events.Await("closed");
                server.Join();
            }
        }
    }
}
