using System;
using System.Collections;
using MqttLink.Interop;
using MqttLink.M2Mqtt.Engine;
using nanoFramework.M2Mqtt.Messages;

namespace nanoFramework.M2Mqtt
{
    /// <content>Events. All run on one thread of the client, one at a time and in order.</content>
    public partial class MqttClient
    {
        private readonly Handlers<IMqttClient.MqttMsgPublishEventHandler> received =
            new Handlers<IMqttClient.MqttMsgPublishEventHandler>();
        private readonly Handlers<IMqttClient.MqttMsgPublishedEventHandler> published =
            new Handlers<IMqttClient.MqttMsgPublishedEventHandler>();
        private readonly Handlers<IMqttClient.MqttMsgSubscribedEventHandler> subscribed =
            new Handlers<IMqttClient.MqttMsgSubscribedEventHandler>();
        private readonly Handlers<IMqttClient.MqttMsgUnsubscribedEventHandler> unsubscribed =
            new Handlers<IMqttClient.MqttMsgUnsubscribedEventHandler>();
        private readonly Handlers<IMqttClient.ConnectionClosedEventHandler> closed =
            new Handlers<IMqttClient.ConnectionClosedEventHandler>();
        private readonly Handlers<ConnectionOpenedEventHandler> opened = new Handlers<ConnectionOpenedEventHandler>();
        private readonly Handlers<ConnectionClosedRequestEventHandler> closeRequested =
            new Handlers<ConnectionClosedRequestEventHandler>();
        private readonly Handlers<MqttMsgAuthenticationEventHandler> authentication =
            new Handlers<MqttMsgAuthenticationEventHandler>();
        private readonly Handlers<EventHandler<MqttHandlerExceptionEventArgs>> handlerException =
            new Handlers<EventHandler<MqttHandlerExceptionEventArgs>>();

        /// <summary>A message has come; the argument is a <see cref="MqttMsgPublishDetailedEventArgs"/>. At QoS 1 and 2
        /// the message is acknowledged when it is queued for this event, as in M2Mqtt.</summary>
        public event IMqttClient.MqttMsgPublishEventHandler MqttMsgPublishReceived
        {
            add { received.Add(value); }
            remove { received.Remove(value); }
        }

        /// <summary>What came of a message of QoS 1 or 2; the argument is a
        /// <see cref="MqttMsgPublishedDetailedEventArgs"/>.</summary>
        public event IMqttClient.MqttMsgPublishedEventHandler MqttMsgPublished
        {
            add { published.Add(value); }
            remove { published.Remove(value); }
        }

        /// <summary>The server has answered a subscription, or will not any more; the argument is a
        /// <see cref="MqttMsgSubscribedDetailedEventArgs"/>.</summary>
        public event IMqttClient.MqttMsgSubscribedEventHandler MqttMsgSubscribed
        {
            add { subscribed.Add(value); }
            remove { subscribed.Remove(value); }
        }

        /// <summary>The server has answered the end of a subscription, or will not any more; the argument is a
        /// <see cref="MqttMsgUnsubscribedDetailedEventArgs"/>.</summary>
        public event IMqttClient.MqttMsgUnsubscribedEventHandler MqttMsgUnsubscribed
        {
            add { unsubscribed.Add(value); }
            remove { unsubscribed.Remove(value); }
        }

        /// <summary>The connection is gone: it was lost, or <see cref="Disconnect"/> was called. Comes after everything
        /// that came with the connection. <c>Connect</c> may be called inside.</summary>
        public event IMqttClient.ConnectionClosedEventHandler ConnectionClosed
        {
            add { closed.Add(value); }
            remove { closed.Remove(value); }
        }

        /// <summary>The server has accepted or refused a connection.</summary>
        public event ConnectionOpenedEventHandler ConnectionOpened
        {
            add { opened.Add(value); }
            remove { opened.Remove(value); }
        }

        /// <summary>The server ends the connection, and says why. <see cref="ConnectionClosed"/> follows. MQTT 5.0
        /// only.</summary>
        public event ConnectionClosedRequestEventHandler ConnectionClosedRequest
        {
            add { closeRequested.Add(value); }
            remove { closeRequested.Remove(value); }
        }

        /// <summary>The server has sent a step of an authentication exchange; <see cref="SendAuthentication"/> answers
        /// it. MQTT 5.0 only.</summary>
        public event MqttMsgAuthenticationEventHandler Authentication
        {
            add { authentication.Add(value); }
            remove { authentication.Remove(value); }
        }

        /// <summary>A handler of the program has thrown an exception, which was caught. The connection stays, and the
        /// other handlers of the same event are called all the same.</summary>
        public event EventHandler<MqttHandlerExceptionEventArgs> HandlerException
        {
            add { handlerException.Add(value); }
            remove { handlerException.Remove(value); }
        }

        /// <summary>Handles a message.</summary>
        /// <param name="sender">The client.</param>
        /// <param name="e">The message.</param>
        public delegate void MqttMsgPublishEventHandler(object sender, MqttMsgPublishEventArgs e);

        /// <summary>Handles the outcome of a message.</summary>
        /// <param name="sender">The client.</param>
        /// <param name="e">The outcome.</param>
        public delegate void MqttMsgPublishedEventHandler(object sender, MqttMsgPublishedEventArgs e);

        /// <summary>Handles the answer to a subscription.</summary>
        /// <param name="sender">The client.</param>
        /// <param name="e">The answer.</param>
        public delegate void MqttMsgSubscribedEventHandler(object sender, MqttMsgSubscribedEventArgs e);

        /// <summary>Handles the answer to the end of a subscription.</summary>
        /// <param name="sender">The client.</param>
        /// <param name="e">The answer.</param>
        public delegate void MqttMsgUnsubscribedEventHandler(object sender, MqttMsgUnsubscribedEventArgs e);

        /// <summary>Handles the end of a connection.</summary>
        /// <param name="sender">The client.</param>
        /// <param name="e">Nothing.</param>
        public delegate void ConnectionClosedEventHandler(object sender, EventArgs e);

        /// <summary>Handles the server's answer to CONNECT.</summary>
        /// <param name="sender">The client.</param>
        /// <param name="e">The answer.</param>
        public delegate void ConnectionOpenedEventHandler(object sender, ConnectionOpenedEventArgs e);

        /// <summary>Handles the server's DISCONNECT.</summary>
        /// <param name="sender">The client.</param>
        /// <param name="e">The packet.</param>
        public delegate void ConnectionClosedRequestEventHandler(object sender, ConnectionClosedRequestEventArgs e);

        /// <summary>Handles a step of an authentication exchange.</summary>
        /// <param name="sender">The client.</param>
        /// <param name="e">The packet.</param>
        public delegate void MqttMsgAuthenticationEventHandler(object sender, MqttMsgAuthenticationEventArgs e);

        /// <summary>Shown every packet as one line, which begins with its direction.</summary>
        internal Action<string> PacketShown { get; set; }

        /// <summary>How TLS is spoken; null without.</summary>
        internal TlsPlan Tls
        {
            get { return tls; }
            set { tls = value; }
        }

        private sealed class EventSource : IEngineEvents
        {
            private readonly MqttClient client;
            private readonly Action<string, Exception> report;

            internal EventSource(MqttClient client)
            {
                this.client = client;
                report = OnHandlerException;
            }

            public bool AnswersAuthentication
            {
                get { return !client.authentication.IsEmpty; }
            }

            public void OnMessage(MqttMsgPublishDetailedEventArgs arguments)
            {
                client.received.Raise("MqttMsgPublishReceived", client, arguments,
                    (handler, sender, e) => handler(sender, e), report);
            }

            public void OnPublished(MqttMsgPublishedDetailedEventArgs arguments)
            {
                client.published.Raise("MqttMsgPublished", client, arguments,
                    (handler, sender, e) => handler(sender, e), report);
            }

            public void OnSubscribed(MqttMsgSubscribedDetailedEventArgs arguments)
            {
                client.subscribed.Raise("MqttMsgSubscribed", client, arguments,
                    (handler, sender, e) => handler(sender, e), report);
            }

            public void OnUnsubscribed(MqttMsgUnsubscribedDetailedEventArgs arguments)
            {
                client.unsubscribed.Raise("MqttMsgUnsubscribed", client, arguments,
                    (handler, sender, e) => handler(sender, e), report);
            }

            public void OnOpened(MqttMsgConnack message)
            {
                client.opened.Raise("ConnectionOpened", client, new ConnectionOpenedEventArgs(message),
                    (handler, sender, e) => handler(sender, e), report);
            }

            public void OnCloseRequested(MqttMsgDisconnect message)
            {
                client.closeRequested.Raise("ConnectionClosedRequest", client, new ConnectionClosedRequestEventArgs(message),
                    (handler, sender, e) => handler(sender, e), report);
            }

            public void OnClosed()
            {
                client.closed.Raise("ConnectionClosed", client, EventArgs.Empty,
                    (handler, sender, e) => handler(sender, e), report);
            }

            public void OnAuthentication(MqttMsgAuthentication message)
            {
                client.authentication.Raise("Authentication", client, new MqttMsgAuthenticationEventArgs(message),
                    (handler, sender, e) => handler(sender, e), report);
            }

            public void OnAccepted(string clientId, ConnectPlan plan)
            {
                MqttMsgConnect connect = plan.Connect;
                client.ClientId = clientId;
                client.CleanSession = connect.CleanSession;
                client.WillFlag = connect.WillFlag;
                client.WillQosLevel = (MqttQoSLevel)connect.WillQosLevel;
                client.WillTopic = connect.WillTopic;
                client.WillMessage = connect.WillMessage;
            }

            public void OnPacket(string text)
            {
                client.PacketShown?.Invoke(text);
            }

            public void OnHandlerException(string name, Exception error)
            {
                // What handlers of errors throw is told to nobody.
                client.handlerException.Raise("HandlerException", client,
                    new MqttHandlerExceptionEventArgs(name, error), (handler, sender, e) => handler(sender, e),
                    (ignored, again) => { });
            }
        }
    }
}
