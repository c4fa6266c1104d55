using System;
using System.Collections;
using MqttLink.M2Mqtt.Engine;
using nanoFramework.M2Mqtt.Messages;

namespace nanoFramework.M2Mqtt
{
    /// <content>Events. All run on one thread of the client, one at a time and in order.</content>
    public partial class MqttClient
    {
        /// <summary>A message has come; the argument is a <see cref="MqttMsgPublishDetailedEventArgs"/>. At QoS 1 and 2
        /// the message is acknowledged when it is queued for this event, as in M2Mqtt.</summary>
        public event IMqttClient.MqttMsgPublishEventHandler MqttMsgPublishReceived;

        /// <summary>What came of a message of QoS 1 or 2; the argument is a
        /// <see cref="MqttMsgPublishedDetailedEventArgs"/>.</summary>
        public event IMqttClient.MqttMsgPublishedEventHandler MqttMsgPublished;

        /// <summary>The server has answered a subscription, or will not any more; the argument is a
        /// <see cref="MqttMsgSubscribedDetailedEventArgs"/>.</summary>
        public event IMqttClient.MqttMsgSubscribedEventHandler MqttMsgSubscribed;

        /// <summary>The server has answered the end of a subscription, or will not any more; the argument is a
        /// <see cref="MqttMsgUnsubscribedDetailedEventArgs"/>.</summary>
        public event IMqttClient.MqttMsgUnsubscribedEventHandler MqttMsgUnsubscribed;

        /// <summary>The connection is gone: it was lost, or <see cref="Disconnect"/> was called. Comes after everything
        /// that came with the connection. <c>Connect</c> may be called inside.</summary>
        public event IMqttClient.ConnectionClosedEventHandler ConnectionClosed;

        /// <summary>The server has accepted or refused a connection.</summary>
        public event ConnectionOpenedEventHandler ConnectionOpened;

        /// <summary>The server ends the connection, and says why. <see cref="ConnectionClosed"/> follows. MQTT 5.0
        /// only.</summary>
        public event ConnectionClosedRequestEventHandler ConnectionClosedRequest;

        /// <summary>The server has sent a step of an authentication exchange; <see cref="SendAuthentication"/> answers
        /// it. MQTT 5.0 only.</summary>
        public event MqttMsgAuthenticationEventHandler Authentication;

        /// <summary>A handler of the program has thrown an exception, which was caught. The connection
        /// stays.</summary>
        public event EventHandler<MqttHandlerExceptionEventArgs> HandlerException;

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

            internal EventSource(MqttClient client)
            {
                this.client = client;
            }

            public bool AnswersAuthentication
            {
                get { return client.Authentication != null; }
            }

            public void OnMessage(MqttMsgPublishDetailedEventArgs arguments)
            {
                client.MqttMsgPublishReceived?.Invoke(client, arguments);
            }

            public void OnPublished(MqttMsgPublishedDetailedEventArgs arguments)
            {
                client.MqttMsgPublished?.Invoke(client, arguments);
            }

            public void OnSubscribed(MqttMsgSubscribedDetailedEventArgs arguments)
            {
                client.MqttMsgSubscribed?.Invoke(client, arguments);
            }

            public void OnUnsubscribed(MqttMsgUnsubscribedDetailedEventArgs arguments)
            {
                client.MqttMsgUnsubscribed?.Invoke(client, arguments);
            }

            public void OnOpened(MqttMsgConnack message)
            {
                client.ConnectionOpened?.Invoke(client, new ConnectionOpenedEventArgs(message));
            }

            public void OnCloseRequested(MqttMsgDisconnect message)
            {
                client.ConnectionClosedRequest?.Invoke(client, new ConnectionClosedRequestEventArgs(message));
            }

            public void OnClosed()
            {
                client.ConnectionClosed?.Invoke(client, EventArgs.Empty);
            }

            public void OnAuthentication(MqttMsgAuthentication message)
            {
                client.Authentication?.Invoke(client, new MqttMsgAuthenticationEventArgs(message));
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
                try
                {
                    client.HandlerException?.Invoke(client, new MqttHandlerExceptionEventArgs(name, error));
                }
                catch (Exception)
                {
                    // The handler of errors has failed; there is nobody left to tell.
                }
            }
        }
    }
}
