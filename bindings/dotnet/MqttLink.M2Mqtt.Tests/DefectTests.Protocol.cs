using System;
using System.Collections;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using MqttLink.TestRunner;
using nanoFramework.M2Mqtt;
using nanoFramework.M2Mqtt.Exceptions;
using nanoFramework.M2Mqtt.Messages;

namespace M2Mqtt.Tests
{
    /// <summary>Known defects of M2Mqtt that are not here, by number: those of the protocol.</summary>
    public sealed partial class DefectTests
    {
        private const MqttProtocolVersion V5 = MqttProtocolVersion.Version_5;
        private const MqttProtocolVersion V311 = MqttProtocolVersion.Version_3_1_1;
        private static readonly byte[] Payload = Encoding.UTF8.GetBytes("x");

        [Test]
        public void Defect01_AuthenticationFiresAndCanBeAnswered()
        {
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                Check.Equal("first", Text(peer.Expect<MqttMsgConnect>().AuthenticationData));
                peer.Send(Step(MqttReasonCode.ContinueAuthentication, "challenge"));
                MqttMsgAuthentication answer = peer.Expect<MqttMsgAuthentication>();
                Check.Equal("answer to challenge", Text(answer.AuthenticationData));
                Check.Equal("REVERSE", answer.AuthenticationMethod);
                peer.Send(new MqttMsgConnack
                {
                    AuthenticationMethod = "REVERSE",
                    AuthenticationData = Encoding.UTF8.GetBytes("proof")
                });
                MqttMsgAuthentication again = peer.Expect<MqttMsgAuthentication>();
                Check.Equal(MqttReasonCode.ReAuthenticate, again.ReasonCode);
                Check.Equal("anew", Text(again.AuthenticationData));
                peer.Send(Step(MqttReasonCode.ContinueAuthentication, "more"));
                Check.Equal("answer to more", Text(peer.Expect<MqttMsgAuthentication>().AuthenticationData));
                peer.Send(Step(MqttReasonCode.Success, "done"));
                peer.Expect<MqttMsgDisconnect>();
            }))
            using (MqttClient client = server.Client(V5))
            {
                client.IsAuthenticationFlow = true;
                client.AuthenticationMethod = "REVERSE";
                client.AuthenticationData = Encoding.UTF8.GetBytes("first");
                ManualResetEvent renewed = new ManualResetEvent(false);
                client.Authentication += (sender, e) =>
                {
                    if (e.Message.ReasonCode == MqttReasonCode.Success)
                    {
                        Check.Equal("done", Text(e.Message.AuthenticationData));
                        renewed.Set();
                        return;
                    }

                    string answer = "answer to " + Text(e.Message.AuthenticationData);
                    client.SendAuthentication(Step(MqttReasonCode.ContinueAuthentication, answer));
                };
                Recorder events = new Recorder(client);
                Check.Equal(MqttReasonCode.Success, client.Connect("c"));
                var opened = events.Await<ConnectionOpenedEventArgs>("opened 0");
                Check.Equal("proof", Text(opened.Message.AuthenticationData));
                Check.Throws<InvalidOperationException>(
                    () => client.SendAuthentication(Step(MqttReasonCode.ContinueAuthentication, "unasked")));
                Check.Eventually(() => client.IsConnected, "the connection");
                client.SendAuthentication(Step(MqttReasonCode.ReAuthenticate, "anew"));
                Check.Signalled(renewed, "the end of the re-authentication");
                client.Disconnect();
                server.Join();
            }
        }

        /// <summary>A re-authentication runs on a thread of its own; that it has failed is told.</summary>
        [Test]
        public void Defect01_AReAuthenticationThatFailsIsTold()
        {
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                peer.Accept(new MqttMsgConnack { AuthenticationMethod = "M" });
                Check.Equal(MqttReasonCode.ReAuthenticate, peer.Expect<MqttMsgAuthentication>().ReasonCode);
            }))
            using (MqttClient client = server.Client(V5))
            {
                Recorder events = new Recorder(client);
                client.AuthenticationMethod = "M";
                client.Authentication += (sender, e) => { };
                client.Connect("c");
                client.SendAuthentication(new MqttMsgAuthentication { ReasonCode = MqttReasonCode.ReAuthenticate });
                events.Await("handler Authentication");
                server.Join();
            }
        }

        [Test]
        public void Defect02_WillDelayPropertiesAndEmptyOrBinaryPayloadsAreSent()
        {
            using (ScriptedServer server = ScriptedServer.Run(listener =>
            {
                using (Peer peer = listener.Accept())
                {
                    MqttMsgConnect connect = peer.Accept();
                    Check.Equal(17u, connect.WillDelayInterval);
                    Check.Equal("text/plain", connect.WillProperties.ContentType);
                    Check.Equal("b", ((UserProperty)connect.WillProperties.UserProperties[0]).Value);
                    Check.Equal(new byte[0], connect.WillPayload);
                    peer.Next();
                }

                using (Peer peer = listener.Accept())
                {
                    Check.Equal(new byte[] { 0, 255, 0 }, peer.Accept().WillPayload);
                    peer.Next();
                }
            }))
            using (MqttClient client = server.Client(V5))
            {
                client.WillDelayInterval = 17;
                client.WillProperties = new MqttMsgPublish { ContentType = "text/plain" };
                client.WillProperties.UserProperties.Add(new UserProperty("a", "b"));
                client.Connect("c", null, null, true, MqttQoSLevel.AtLeastOnce, true, "will", string.Empty, true, 60);
                Check.True(client.WillFlag && client.WillTopic == "will" && client.WillMessage == string.Empty);
                client.Disconnect();
                client.WillPayload = new byte[] { 0, 255, 0 };
                client.Connect("c", null, null, true, MqttQoSLevel.AtLeastOnce, true, "will", null, true, 60);
                client.Close();
                server.Join();
            }
        }

        [Test]
        [Case(null, null, null)]
        [Case(true, false, null)]
        [Case(true, true, null)]
        [Case(false, true, false)]
        public void Defect03_RequestProblemInformationIsSentAsItWasSet(object problem, object response, object sent)
        {
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                MqttMsgConnect connect = peer.Accept();
                Check.Equal((bool?)response ?? false, connect.RequestResponseInformation);
                // That the server may explain is the protocol's default, which need not be sent.
                Check.Equal(sent, connect.ProblemInformation == true ? null : (object)connect.ProblemInformation);
                peer.Next();
            }))
            using (MqttClient client = server.Client(V5))
            {
                if (problem != null)
                {
                    client.RequestProblemInformation = (bool)problem;
                    client.RequestResponseInformation = (bool)response;
                }

                client.Connect("c");
                client.Close();
                server.Join();
            }
        }

        [Test]
        public void Defect04_PropertiesOfAMessageArrive()
        {
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                peer.Accept();
                MqttMsgPublish message = new MqttMsgPublish("t", Payload)
                {
                    ContentType = "text/plain",
                    ResponseTopic = "answer",
                    CorrelationData = new byte[] { 1, 2 },
                    MessageExpiryInterval = 9,
                    IsPayloadUTF8 = true
                };
                message.SubscriptionIdentifiers.Add(3);
                message.SubscriptionIdentifiers.Add(300);
                message.UserProperties.Add(new UserProperty("a", "1"));
                message.UserProperties.Add(new UserProperty("a", "2"));
                peer.Send(message);
                peer.Next();
            }))
            using (MqttClient client = server.Client(V5))
            {
                Recorder events = new Recorder(client);
                client.Connect("c");
                var message = events.Await<MqttMsgPublishDetailedEventArgs>("message t x");
                Check.Equal("text/plain", message.ContentType);
                Check.Equal("answer", message.ResponseTopic);
                Check.Equal(new byte[] { 1, 2 }, message.CorrelationData);
                Check.Equal(9u, message.MessageExpiryInterval);
                Check.Equal((byte)1, message.PayloadFormat);
                Check.Equal(new[] { 3, 300 }, message.SubscriptionIdentifiers);
                Check.Equal("a1a2", string.Concat(
                    message.UserProperties.Cast<UserProperty>().Select(one => one.Name + one.Value)));
                client.Close();
                server.Join();
            }
        }

        [Test]
        public void Defect05_TopicAliasesAreResolved()
        {
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                Check.Equal((ushort)4, peer.Accept().TopicAliasMaximum);
                peer.Send(new MqttMsgPublish("long/topic", Encoding.UTF8.GetBytes("1")) { TopicAlias = 4 });
                peer.Send(new MqttMsgPublish(string.Empty, Encoding.UTF8.GetBytes("2")) { TopicAlias = 4 });
                peer.Next();
            }))
            using (MqttClient client = server.Client(V5))
            {
                Recorder events = new Recorder(client);
                client.TopicAliasMaximum = 4;
                client.Connect("c");
                events.Await("message long/topic 1");
                events.Await("message long/topic 2");
                client.Close();
                server.Join();
            }
        }

        [Test]
        public void Defect06_UnsubackAndShortFormsAreRead()
        {
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                peer.Accept();
                MqttMsgUnsubscribe request = peer.Expect<MqttMsgUnsubscribe>();
                peer.Send(new MqttMsgUnsuback
                {
                    MessageId = request.MessageId,
                    ReasonCode = MqttReasonCode.NoSubscriptionExisted
                });
                ushort id = peer.Expect<MqttMsgPublish>().MessageId;
                peer.SendRaw(0x40, 3, (byte)(id >> 8), (byte)id, 0x10);
                id = peer.Expect<MqttMsgPublish>().MessageId;
                peer.SendRaw(0x50, 2, (byte)(id >> 8), (byte)id);
                peer.Expect<MqttMsgPubrel>();
                peer.SendRaw(0x70, 3, (byte)(id >> 8), (byte)id, 0x00);
                peer.SendRaw(0xE0, 1, 0x8B);
            }))
            using (MqttClient client = server.Client(V5))
            {
                Recorder events = new Recorder(client);
                client.Connect("c");
                ushort first = client.Unsubscribe(new[] { "t" });
                var answer = events.Await<MqttMsgUnsubscribedDetailedEventArgs>("unsubscribed " + first);
                Check.Equal(new[] { MqttReasonCode.NoSubscriptionExisted }, answer.ReasonCodes);
                ushort one = client.Publish("t", Payload, MqttQoSLevel.AtLeastOnce, false);
                var published = events.Await<MqttMsgPublishedDetailedEventArgs>("published " + one + " True");
                Check.Equal(MqttReasonCode.NoMatchingSubscribers, published.ReasonCode);
                ushort two = client.Publish("t", Payload, MqttQoSLevel.ExactlyOnce, false);
                events.Await("published " + two + " True");
                events.Await("close requested " + 0x8B);
                events.Await("closed");
                server.Join();
            }
        }

        [Test]
        public void Defect07_NegativeAcknowledgementsAreReportedAsSuch()
        {
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                peer.Accept();
                peer.Send(new MqttMsgPuback
                {
                    MessageId = peer.Expect<MqttMsgPublish>().MessageId,
                    ReasonCode = MqttReasonCode.QuotaExceeded,
                    Reason = "enough"
                });
                peer.Send(new MqttMsgPubrec
                {
                    MessageId = peer.Expect<MqttMsgPublish>().MessageId,
                    ReasonCode = MqttReasonCode.NotAuthorized
                });
                // No PUBREL follows a PUBREC that refuses.
                peer.Expect<MqttMsgDisconnect>();
            }))
            using (MqttClient client = server.Client(V5))
            {
                Recorder events = new Recorder(client);
                client.Connect("c");
                ushort one = client.Publish("t", Payload, MqttQoSLevel.AtLeastOnce, false);
                ushort two = client.Publish("t", Payload, MqttQoSLevel.ExactlyOnce, false);
                var first = events.Await<MqttMsgPublishedDetailedEventArgs>("published " + one + " False");
                Check.Equal(MqttReasonCode.QuotaExceeded, first.ReasonCode);
                Check.Equal("enough", first.Reason);
                var second = events.Await<MqttMsgPublishedDetailedEventArgs>("published " + two + " False");
                Check.Equal(MqttReasonCode.NotAuthorized, second.ReasonCode);
                client.Disconnect();
                server.Join();
            }
        }

        /// <summary>Three keep alives pass, in each of which M2Mqtt would have sent the message again.</summary>
        [Test]
        public void Defect08_NothingIsSentAgainOnALiveConnection()
        {
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                peer.Accept();
                ushort id = peer.Expect<MqttMsgPublish>().MessageId;
                for (int i = 0; i < 4; i++)
                {
                    peer.Expect<MqttMsgPingReq>();
                    peer.Send(new MqttMsgPingResp());
                }

                peer.Send(new MqttMsgPuback { MessageId = id });
                peer.Expect<MqttMsgDisconnect>();
            }))
            using (MqttClient client = server.Client(V311))
            {
                Recorder events = new Recorder(client);
                client.Connect("c", null, null, true, 1);
                ushort id = client.Publish("t", Payload, MqttQoSLevel.AtLeastOnce, false);
                events.Await("published " + id + " True");
                client.Disconnect();
                server.Join();
            }
        }

        [Test]
        public void Defect09_LimitsOfConnackAreObeyed()
        {
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                peer.Accept(new MqttMsgConnack
                {
                    ReceiveMaximum = 1,
                    MaximumQosLevel = MqttQoSLevel.AtLeastOnce,
                    RetainAvailable = false,
                    WildcardSubscriptionAvailable = false,
                    MaximumPacketSize = 100,
                    ServerKeepAlive = 1,
                    AssignedClientIdentifier = "given"
                });
                ushort first = peer.Expect<MqttMsgPublish>().MessageId;
                // The second message waits for the first one's acknowledgement: only a ping may come before.
                peer.Expect<MqttMsgPingReq>();
                peer.Send(new MqttMsgPingResp());
                peer.Send(new MqttMsgPuback { MessageId = first });
                peer.Send(new MqttMsgPuback { MessageId = peer.Expect<MqttMsgPublish>().MessageId });
                peer.Expect<MqttMsgDisconnect>();
            }))
            using (MqttClient client = server.Client(V5))
            {
                Recorder events = new Recorder(client);
                client.Connect(string.Empty);
                Check.Equal("given", client.ClientId);
                Check.Equal(MqttClientErrorCode.QosNotAllowed, Check.Throws<MqttClientException>(
                    () => client.Publish("t", Payload, MqttQoSLevel.ExactlyOnce, false)).ErrorCode);
                Check.Throws<NotSupportedException>(
                    () => client.Publish("t", Payload, MqttQoSLevel.AtMostOnce, true));
                Check.Throws<ArgumentException>(() => client.Publish("t", new byte[200]));
                Check.Throws<NotSupportedException>(
                    () => client.Subscribe(new[] { "a/#" }, new[] { MqttQoSLevel.AtMostOnce }));
                client.Publish("t", Payload, MqttQoSLevel.AtLeastOnce, false);
                client.Publish("t", Payload, MqttQoSLevel.AtLeastOnce, false);
                Check.True(client.WaitAll(10000), "both messages are acknowledged");
                MqttMsgConnack told = events.Await<ConnectionOpenedEventArgs>("opened 0").Message;
                Check.True(told.SharedSubscriptionAvailable && told.SubscriptionIdentifiersAvailable, "what was left out is available");
                Check.True(told.MaximumQoS && !told.RetainAvailable && !told.WildcardSubscriptionAvailable, "what was said holds");
                client.Disconnect();
                server.Join();
            }
        }

        [Test]
        public void Defect10_LongPropertiesAreEncodedRight()
        {
            MqttMsgPublish message = new MqttMsgPublish("t", Payload);
            message.UserProperties.Add(new UserProperty(new string('n', 300), new string('v', 20000)));
            MqttMsgPublish read = (MqttMsgPublish)Packets.Again(message, V5);
            UserProperty property = (UserProperty)read.UserProperties[0];
            Check.Equal(300, property.Name.Length);
            Check.Equal(20000, property.Value.Length);
            Check.Equal("x", Text(read.Message));

            MqttMsgSubscribe subscribe = new MqttMsgSubscribe(new[] { "t" }, new[] { MqttQoSLevel.AtLeastOnce })
            {
                MessageId = 2,
                SubscriptionIdentifier = 300
            };
            Check.Equal(
                new byte[] { 0x82, 10, 0, 2, 3, 11, 0xAC, 0x02, 0, 1, (byte)'t', 1 }, subscribe.GetBytes(V5));
        }

        [Test]
        public void Defect11_IdentifiersAreUniqueAndAcknowledgementsMatchInAnyOrder()
        {
            const int Count = 200;
            using (ScriptedServer server = ScriptedServer.Once(peer =>
            {
                peer.Accept(new MqttMsgConnack { ReceiveMaximum = Count });
                ushort[] ids = Enumerable.Range(0, Count).Select(i => peer.Expect<MqttMsgPublish>().MessageId).ToArray();
                Check.Equal(Count, ids.Distinct().Count(), "the number of identifiers");
                foreach (ushort id in ids.Reverse())
                {
                    peer.Send(new MqttMsgPuback { MessageId = id });
                }

                peer.Expect<MqttMsgDisconnect>();
            }))
            using (MqttClient client = server.Client(V5))
            {
                Recorder events = new Recorder(client);
                client.Connect("c");
                ushort[] ids = new ushort[Count];
                Parallel.For(0, Count, i => ids[i] = client.Publish("t", Payload, MqttQoSLevel.AtLeastOnce, false));
                Check.Equal(Count, ids.Distinct().Count(), "the number of identifiers");
                Check.True(client.WaitAll(10000), "all are acknowledged");
                client.Disconnect();
                events.Await("closed");
                Check.Equal(ids.OrderBy(id => id).Select(id => "published " + id + " True").ToArray(),
                    events.Lines.Where(line => line.StartsWith("published"))
                        .OrderBy(line => int.Parse(line.Split(' ')[1])).ToArray());
                server.Join();
            }
        }

        private static string Text(byte[] bytes)
        {
            return bytes == null ? null : Encoding.UTF8.GetString(bytes);
        }

        private static MqttMsgAuthentication Step(MqttReasonCode code, string data)
        {
            return new MqttMsgAuthentication
            {
                ReasonCode = code,
                AuthenticationMethod = "REVERSE",
                AuthenticationData = Encoding.UTF8.GetBytes(data)
            };
        }
    }
}
