using System;
using System.Diagnostics;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using MqttLink.TestRunner;
using nanoFramework.M2Mqtt;
using nanoFramework.M2Mqtt.Exceptions;
using nanoFramework.M2Mqtt.Messages;

namespace M2Mqtt.Tests
{
    /// <summary>Known defects of M2Mqtt that are not here, by number: those of robustness.</summary>
    public sealed partial class DefectTests
    {
        [Test]
        public void Defect12_ARefusalLeavesNoThreadAndNoSocketBehind()
        {
            const int Refusals = 50;
            using (ScriptedServer server = ScriptedServer.Run(listener =>
            {
                for (int i = 0; i < Refusals; i++)
                {
                    using (Peer peer = listener.Accept())
                    {
                        peer.Accept(new MqttMsgConnack
                        {
                            ReturnCode = MqttReasonCode.ConnectionRefusedNotAuthorized
                        });
                        // The client has closed the socket before this script closes it.
                        peer.ExpectEnd();
                    }
                }
            }))
            using (MqttClient client = server.Client(V311))
            {
                client.Connect("c");
                int before = Process.GetCurrentProcess().Threads.Count;
                for (int i = 1; i < Refusals; i++)
                {
                    Check.Equal(MqttReasonCode.ConnectionRefusedNotAuthorized, client.Connect("c"));
                }

                server.Join();
                Check.Eventually(() => Process.GetCurrentProcess().Threads.Count <= before + 10, "few threads");
            }
        }

        [Test]
        public void Defect13_WrongArgumentsThrowAtTheCallAndTheConnectionStays()
        {
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                peer.Accept();
                Check.Equal("fine", peer.Expect<MqttMsgPublish>().Topic);
                peer.Expect<MqttMsgDisconnect>();
            }))
            using (MqttClient client = server.Client(V311))
            {
                client.Connect("c");
                Wrong(MqttClientErrorCode.TopicWildcard, () => client.Publish("a/#", Payload));
                Wrong(MqttClientErrorCode.TopicWildcard, () => client.Publish("+", Payload));
                Wrong(MqttClientErrorCode.TopicLength, () => client.Publish(string.Empty, Payload));
                Wrong(MqttClientErrorCode.TopicLength, () => client.Publish(null, Payload));
                Wrong(MqttClientErrorCode.TopicLength, () => client.Publish(new string('x', 65536), Payload));
                Wrong(MqttClientErrorCode.QosNotAllowed, () => client.Publish("t", Payload, (MqttQoSLevel)3, false));
                Wrong(MqttClientErrorCode.TopicsEmpty, () => client.Subscribe(new string[0], new MqttQoSLevel[0]));
                Wrong(MqttClientErrorCode.TopicsEmpty, () => client.Unsubscribe(null));
                Wrong(MqttClientErrorCode.QosLevelsEmpty, () => client.Subscribe(new[] { "t" }, null));
                Wrong(MqttClientErrorCode.TopicsQosLevelsNotMatch,
                    () => client.Subscribe(new[] { "t" }, new MqttQoSLevel[2]));
                Wrong(MqttClientErrorCode.TopicWildcard,
                    () => client.Subscribe(new[] { "a/#/b" }, new MqttQoSLevel[1]));
                Check.Throws<ArgumentException>(() => client.Publish("a\0b", Payload));
                Check.Throws<ArgumentException>(() => client.Publish("\uD800", Payload));
                Check.Throws<NotSupportedException>(() => client.Publish("t", Payload, "text/plain"));
                client.Publish("fine", Payload);
                client.Disconnect();
                server.Join();
                Wrong(MqttClientErrorCode.WillWrong, () => client.Connect(
                    "c", null, null, false, MqttQoSLevel.AtMostOnce, true, string.Empty, "x", true, 60));
                Wrong(MqttClientErrorCode.InvalidClientId, () => client.Connect(string.Empty, false));
            }
        }

        [Test]
        public void Defect14_AnExceptionOfAHandlerIsContainedAndReported()
        {
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                peer.Accept();
                peer.Send(new MqttMsgPublish("t", Encoding.UTF8.GetBytes("bad")));
                peer.Send(new MqttMsgPublish("t", Encoding.UTF8.GetBytes("good")));
                peer.Expect<MqttMsgDisconnect>();
            }))
            using (MqttClient client = server.Client(V311))
            {
                Recorder events = new Recorder(client);
                client.MqttMsgPublishReceived += (sender, e) =>
                {
                    if (Text(e.Message) == "bad")
                    {
                        throw new FormatException("not a number");
                    }
                };
                client.Connect("c");
                events.Await("message t good");
                var reported = events.Await<MqttHandlerExceptionEventArgs>(
                    "handler MqttMsgPublishReceived not a number");
                Check.True(reported.Exception is FormatException, "the exception itself");
                Check.True(client.IsConnected, "connected");
                client.Disconnect();
                server.Join();
            }
        }

        [Test]
        public void Defect15_ReceivingAndSubscribingDoNotShareTheLimitOfPublishing()
        {
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                peer.Accept();
                peer.Expect<MqttMsgPublish>();
                MqttMsgSubscribe subscribe = peer.Expect<MqttMsgSubscribe>();
                for (ushort id = 1; id <= 20; id++)
                {
                    peer.Send(new MqttMsgPublish("t", Encoding.UTF8.GetBytes(id.ToString()), false,
                        MqttQoSLevel.AtLeastOnce, false) { MessageId = id });
                    Check.Equal(id, peer.Expect<MqttMsgPuback>().MessageId);
                }

                peer.Send(new MqttMsgSuback
                {
                    MessageId = subscribe.MessageId,
                    GrantedQoSLevels = new[] { MqttQoSLevel.AtMostOnce }
                });
                peer.Next();
            }))
            using (MqttClient client = server.Client(V311))
            {
                Recorder events = new Recorder(client);
                client.Settings.InflightQueueSize = 1;
                client.Connect("c");
                client.Publish("t", Payload, MqttQoSLevel.AtLeastOnce, false);
                ushort id = client.Subscribe(new[] { "t" }, new[] { MqttQoSLevel.AtMostOnce });
                events.Await("message t 20");
                events.Await("subscribed " + id + " 0");
                client.Close();
                server.Join();
            }
        }

        [Test]
        public void Defect16_ARequestWithoutAnAnswerIsToldAsFailed()
        {
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                peer.Accept();
                peer.Expect<MqttMsgSubscribe>();
                peer.Expect<MqttMsgUnsubscribe>();
                peer.Expect<MqttMsgSubscribe>();
            }))
            using (MqttClient client = server.Client(V311))
            {
                Recorder events = new Recorder(client);
                client.Settings.TimeoutOnReceiving = 150;
                client.Connect("c");
                ushort one = client.Subscribe(new[] { "t" }, new[] { MqttQoSLevel.AtMostOnce });
                var late = events.Await<MqttMsgSubscribedDetailedEventArgs>("subscribed " + one + " 128");
                Check.True(!late.IsAnswered && late.Reason.Contains("150 ms"), "why: " + late.Reason);
                ushort two = client.Unsubscribe(new[] { "t" });
                Check.True(!events.Await<MqttMsgUnsubscribedDetailedEventArgs>("unsubscribed " + two).IsAnswered);
                client.Settings.TimeoutOnReceiving = 60000;
                // The server hangs up instead of answering.
                Check.Throws<MqttCommunicationException>(() => client.SubscribeAndWait(
                    new[] { "t" }, new[] { MqttQoSLevel.AtMostOnce }, 10000));
                server.Join();
                Check.Throws<MqttTimeoutException>(
                    () => client.PublishAndWait("t", Payload, MqttQoSLevel.AtLeastOnce, false, 50));
            }
        }

        [Test]
        public void Defect17_ConnectHasADeadline()
        {
            using (ScriptedServer server = new ScriptedServer())
            using (MqttClient client = server.Client(V311))
            {
                client.Settings.TimeoutOnConnection = 300;
                Stopwatch clock = Stopwatch.StartNew();
                // The system accepts the connection, and nobody answers CONNECT.
                Check.Throws<MqttCommunicationException>(() => client.Connect("c"));
                Check.True(clock.ElapsedMilliseconds < 20000, "in time: " + clock.ElapsedMilliseconds + " ms");
            }
        }

        [Test]
        public void Defect18_EveryAddressOfANameIsTriedAndIPv6Works()
        {
            if (!Socket.OSSupportsIPv6)
            {
                throw new SkipException("this system has no IPv6");
            }

            TcpListener listener = new TcpListener(IPAddress.IPv6Loopback, 0);
            try
            {
                listener.Start();
            }
            catch (SocketException error)
            {
                throw new SkipException("this system has no IPv6 loopback: " + error.Message);
            }

            try
            {
                int port = ((IPEndPoint)listener.LocalEndpoint).Port;
                using (MqttClient client = new MqttClient("::1", port, false, null, null, MqttSslProtocols.None))
                {
                    var accepted = listener.AcceptSocketAsync();
                    var answered = accepted.ContinueWith(socket => new Peer(socket.Result).Accept());
                    Check.Equal(MqttReasonCode.Success, client.Connect("c"));
                    Check.True(answered.Wait(10000), "accepted");
                }
            }
            finally
            {
                listener.Stop();
            }
        }

        [Test]
        public void Defect19_SettingsAreThoseOfOneClient()
        {
            using (MqttClient one = new MqttClient("a", 1234, false, null, null, MqttSslProtocols.None))
            using (MqttClient two = new MqttClient("b"))
            {
                one.Settings.ValidateServerCertificate = false;
                one.Settings.InflightQueueSize = 7;
                Check.True(two.Settings.ValidateServerCertificate, "the other client verifies");
                Check.True(MqttSettings.Instance.ValidateServerCertificate, "new clients verify");
                Check.Equal(int.MaxValue, two.Settings.InflightQueueSize);
                Check.Equal(1234, one.Settings.Port);
                Check.Equal(1883, two.Settings.Port);
                Check.Equal(1883, MqttSettings.Instance.Port);
            }
        }

        [Test]
        public void Defect20_AnAuthenticationFlowRestoresTheSessionOnceAndAfterConnack()
        {
            using (ScriptedServer server = ScriptedServer.Run(listener =>
            {
                ushort id;
                using (Peer peer = listener.Accept())
                {
                    peer.Expect<MqttMsgConnect>();
                    peer.Send(new MqttMsgConnack { AuthenticationMethod = "REVERSE" });
                    id = peer.Expect<MqttMsgPublish>().MessageId;
                }

                using (Peer peer = listener.Accept())
                {
                    peer.Expect<MqttMsgConnect>();
                    peer.Send(Step(MqttReasonCode.ContinueAuthentication, "challenge"));
                    // Nothing but the answer comes before CONNACK.
                    peer.Expect<MqttMsgAuthentication>();
                    peer.Send(new MqttMsgConnack { AuthenticationMethod = "REVERSE", SessionPresent = true });
                    MqttMsgPublish again = peer.Expect<MqttMsgPublish>();
                    Check.True(again.DupFlag && again.MessageId == id, "the same message");
                    peer.Send(new MqttMsgPuback { MessageId = id });
                    peer.Expect<MqttMsgDisconnect>();
                }
            }))
            using (MqttClient client = server.Client(V5))
            {
                Recorder events = new Recorder(client);
                client.IsAuthenticationFlow = true;
                client.AuthenticationMethod = "REVERSE";
                client.SessionExpiryInterval = 100;
                client.Authentication += (sender, e) =>
                    client.SendAuthentication(Step(MqttReasonCode.ContinueAuthentication, "answer"));
                client.Connect("c", false);
                Check.Eventually(() => client.IsConnected, "the connection");
                ushort id = client.Publish("t", Payload, MqttQoSLevel.AtLeastOnce, false);
                events.Await("closed");
                client.Connect("c", false);
                events.Await("published " + id + " True");
                client.Disconnect();
                server.Join();
            }
        }

        [Test]
        public void Defect21_WhatIsPublishedOfflineInAPersistentSessionIsSentOnce()
        {
            using (ScriptedServer server = ScriptedServer.Run(listener =>
            {
                using (Peer peer = listener.Accept())
                {
                    peer.Accept();
                }

                using (Peer peer = listener.Accept())
                {
                    peer.Accept(new MqttMsgConnack { SessionPresent = true });
                    MqttMsgPublish message = peer.Expect<MqttMsgPublish>();
                    Check.True(!message.DupFlag, "it is sent for the first time");
                    peer.Send(new MqttMsgPuback { MessageId = message.MessageId });
                    peer.Expect<MqttMsgDisconnect>();
                    peer.ExpectEnd();
                }
            }))
            using (MqttClient client = server.Client(V311))
            {
                Recorder events = new Recorder(client);
                client.Connect("c", false);
                events.Await("closed");
                ushort id = client.Publish("t", Payload, MqttQoSLevel.AtLeastOnce, false);
                client.Connect("c", false);
                events.Await("published " + id + " True");
                client.Disconnect();
                server.Join();
            }
        }

        [Test(Seconds = 60)]
        public void Defect22_ClosingCanBeRepeatedAndFreesEverything()
        {
            const int Rounds = 300;
            using (ScriptedServer server = ScriptedServer.Run(listener =>
            {
                for (int i = 0; i < Rounds; i++)
                {
                    using (Peer peer = listener.Accept())
                    {
                        peer.Accept();
                        peer.Next();
                    }
                }
            }))
            {
                int before = 0;
                for (int i = 0; i < Rounds; i++)
                {
                    MqttClient client = server.Client(V311);
                    client.Connect("c");
                    client.Close();
                    client.Close();
                    client.Dispose();
                    client.Dispose();
                    client.Close();
                    Check.Throws<ObjectDisposedException>(() => client.Connect("c"));
                    Check.Throws<ObjectDisposedException>(() => client.Publish("t", Payload));
                    before = i == 50 ? Process.GetCurrentProcess().Threads.Count : before;
                }

                Check.Eventually(() => Process.GetCurrentProcess().Threads.Count <= before + 10, "few threads");
                server.Join();
            }

            byte[] connect = new MqttMsgConnect("c", null, null, false, MqttQoSLevel.AtLeastOnce, true, "w", "m", true,
                60, V311).GetBytes(V311);
            Check.Equal(new byte[]
            {
                0x10, 19, 0, 4, (byte)'M', (byte)'Q', (byte)'T', (byte)'T', 4, 0x0E, 0, 60, 0, 1, (byte)'c',
                0, 1, (byte)'w', 0, 1, (byte)'m'
            }, connect);
        }

        [Test]
        public void Defect23_AnAnnouncedLengthIsNotAllocated()
        {
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                Check.Equal(1000u, peer.Accept().MaximumPacketSize);
                peer.SendRaw(0x30, 0xFF, 0xFF, 0xFF, 0x7F);
                Check.Equal(MqttReasonCode.PacketTooLarge, peer.Expect<MqttMsgDisconnect>().ResonCode);
                peer.ExpectEnd();
            }))
            using (MqttClient client = server.Client(V5))
            {
                Recorder events = new Recorder(client);
                client.MaximumPacketSize = 1000;
                client.Connect("c");
                events.Await("closed");
                server.Join();
            }
        }

        [Test]
        public void Defect23_TheClientReconnectsAndSubscribesAnewIfItIsAsked()
        {
            using (ScriptedServer server = ScriptedServer.Run(listener =>
            {
                using (Peer peer = listener.Accept())
                {
                    peer.Accept();
                    Grant(peer, peer.Expect<MqttMsgSubscribe>());
                }

                using (Peer peer = listener.Accept())
                {
                    peer.Accept();
                    MqttMsgSubscribe again = peer.Expect<MqttMsgSubscribe>();
                    Check.Equal(new[] { "a", "b" }, again.Topics);
                    Grant(peer, again);
                    peer.Send(new MqttMsgPublish("a", Payload));
                    peer.Expect<MqttMsgDisconnect>();
                }
            }))
            using (MqttClient client = server.Client(V311))
            {
                Recorder events = new Recorder(client);
                client.AutoReconnect = true;
                client.Connect("c");
                client.Subscribe(new[] { "a", "b" }, new[] { MqttQoSLevel.AtMostOnce, MqttQoSLevel.AtLeastOnce });
                events.Await("message a x");
                Check.Equal(1, events.Lines.Count(line => line.StartsWith("subscribed")), "answers told");
                client.Disconnect();
                server.Join();
            }
        }

        private static void Grant(Peer peer, MqttMsgSubscribe request)
        {
            peer.Send(new MqttMsgSuback { MessageId = request.MessageId, GrantedQoSLevels = request.QoSLevels });
        }

        private static void Wrong(MqttClientErrorCode expected, Action call)
        {
            Check.Equal(expected, Check.Throws<MqttClientException>(call).ErrorCode);
        }
    }
}
