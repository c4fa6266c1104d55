using System;
using System.Text;
using System.Threading;
using MqttLink.TestRunner;
using nanoFramework.M2Mqtt;
using nanoFramework.M2Mqtt.Messages;

namespace M2Mqtt.Tests
{
    /// <summary>Dispose, Close and Disconnect in every event.</summary>
    public sealed class DisposalTests
    {
        private static readonly string[] Events =
        {
            "MqttMsgPublishReceived", "MqttMsgPublished", "MqttMsgSubscribed", "MqttMsgUnsubscribed",
            "ConnectionOpened", "ConnectionClosed", "ConnectionClosedRequest", "Authentication", "HandlerException"
        };

        [Test(Seconds = 60)]
        [Case("Dispose")]
        [Case("Close")]
        [Case("Disconnect")]
        public void ClientsCanBeEndedInEveryEvent(string how)
        {
            foreach (string name in Events)
            {
                using (ScriptedServer server = ScriptedServer.Once(Serve))
                {
                    MqttClient client = server.Client(MqttProtocolVersion.Version_5);
                    End(client, name, how);
                    server.Join();
                    client.Dispose();
                }
            }
        }

        /// <summary>Answers everything, sends everything, and hangs up when asked.</summary>
        internal static void Serve(Peer peer)
        {
            peer.Expect<MqttMsgConnect>();
            peer.Send(new MqttMsgAuthentication
            {
                ReasonCode = MqttReasonCode.ContinueAuthentication,
                AuthenticationMethod = "M"
            });
            MqttMsgBase packet = peer.Next();
            if (packet == null)
            {
                return;
            }

            peer.Send(new MqttMsgConnack { AuthenticationMethod = "M" });
            while ((packet = peer.Next()) != null)
            {
                try
                {
                    Answer(peer, packet);
                }
                catch (System.IO.IOException)
                {
                    return;
                }
            }
        }

        private static void Answer(Peer peer, MqttMsgBase packet)
        {
            switch (packet.Type)
            {
                case MqttMessageType.Subscribe:
                    MqttMsgSubscribe subscribe = (MqttMsgSubscribe)packet;
                    peer.Send(new MqttMsgSuback
                    {
                        MessageId = packet.MessageId,
                        GrantedQoSLevels = subscribe.QoSLevels
                    });
                    break;
                case MqttMessageType.Unsubscribe:
                    peer.Send(new MqttMsgUnsuback { MessageId = packet.MessageId });
                    break;
                case MqttMessageType.Publish:
                    MqttMsgPublish publish = (MqttMsgPublish)packet;
                    peer.Send(new MqttMsgPuback { MessageId = packet.MessageId });
                    peer.Send(new MqttMsgPublish("t", publish.Message));
                    if (publish.Topic == "end")
                    {
                        peer.Send(new MqttMsgDisconnect { ReasonCode = MqttReasonCode.ServerBusy });
                    }

                    break;
            }
        }

        private static void End(MqttClient client, string name, string how)
        {
            ManualResetEvent ended = new ManualResetEvent(false);
            int once = 0;
            Action<string> act = where =>
            {
                if (where == name && Interlocked.Exchange(ref once, 1) == 0)
                {
                    Run(client, how);
                    ended.Set();
                }
            };
            client.MqttMsgPublishReceived += (sender, e) =>
            {
                act("MqttMsgPublishReceived");
                if (name == "HandlerException")
                {
                    throw new FormatException("for HandlerException");
                }
            };
            client.MqttMsgPublished += (sender, e) => act("MqttMsgPublished");
            client.MqttMsgSubscribed += (sender, e) => act("MqttMsgSubscribed");
            client.MqttMsgUnsubscribed += (sender, e) => act("MqttMsgUnsubscribed");
            client.ConnectionOpened += (sender, e) => act("ConnectionOpened");
            client.ConnectionClosed += (sender, e) => act("ConnectionClosed");
            client.ConnectionClosedRequest += (sender, e) => act("ConnectionClosedRequest");
            client.HandlerException += (sender, e) => act("HandlerException");
            client.Authentication += (sender, e) =>
            {
                act("Authentication");
                if (name != "Authentication")
                {
                    client.SendAuthentication(new MqttMsgAuthentication());
                }
            };
            client.IsAuthenticationFlow = true;
            client.AuthenticationMethod = "M";
            client.Connect("c");
            Ask(client);
            Check.Signalled(ended, how + " in " + name);
        }

        private static void Run(MqttClient client, string how)
        {
            switch (how)
            {
                case "Dispose":
                    client.Dispose();
                    break;
                case "Close":
                    client.Close();
                    break;
                default:
                    try
                    {
                        client.Disconnect();
                    }
                    catch (nanoFramework.M2Mqtt.Exceptions.MqttCommunicationException)
                    {
                        // There is no connection in some of the events.
                        client.Close();
                    }

                    break;
            }
        }

        internal static void Ask(MqttClient client)
        {
            try
            {
                client.Subscribe(new[] { "t" }, new[] { MqttQoSLevel.AtMostOnce });
                client.Publish("t", Encoding.UTF8.GetBytes("x"), MqttQoSLevel.AtLeastOnce, false);
                client.Unsubscribe(new[] { "t" });
                client.Publish("end", null, MqttQoSLevel.AtLeastOnce, false);
            }
            catch (ObjectDisposedException)
            {
                // The event came first.
            }
        }
    }
}
