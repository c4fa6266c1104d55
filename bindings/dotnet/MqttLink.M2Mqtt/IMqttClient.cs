using System;
using System.Collections;
using nanoFramework.M2Mqtt.Messages;

namespace nanoFramework.M2Mqtt
{
    /// <summary>A client, whatever carries it.</summary>
    public interface IMqttClient
    {
        /// <summary>A message has come.</summary>
        event MqttMsgPublishEventHandler MqttMsgPublishReceived;

        /// <summary>What came of a message of QoS 1 or 2.</summary>
        event MqttMsgPublishedEventHandler MqttMsgPublished;

        /// <summary>The server has answered a subscription.</summary>
        event MqttMsgSubscribedEventHandler MqttMsgSubscribed;

        /// <summary>The server has answered the end of a subscription.</summary>
        event MqttMsgUnsubscribedEventHandler MqttMsgUnsubscribed;

        /// <summary>The connection is gone.</summary>
        event ConnectionClosedEventHandler ConnectionClosed;

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

        /// <summary>Whether the server has accepted the connection, and it is not being ended.</summary>
        bool IsConnected { get; }

        /// <summary>Sets the client up anew. See <see cref="MqttClient.Init"/>.</summary>
        /// <param name="brokerHostName">Name or address.</param>
        /// <param name="brokerPort">The port.</param>
        /// <param name="secure">Whether TLS is spoken.</param>
        /// <param name="caCert">The authority to trust, PEM or DER; null for the system's alone.</param>
        /// <param name="clientCert">The client's certificate with its key, PEM; null for none.</param>
        /// <param name="sslProtocol">The version of TLS.</param>
        void Init(string brokerHostName, int brokerPort, bool secure, byte[] caCert, byte[] clientCert,
            MqttSslProtocols sslProtocol);

        /// <summary>Connects. See the method of the same arguments of <see cref="MqttClient"/>.</summary>
        /// <param name="clientId">The client identifier.</param>
        /// <param name="username">The user name; null for none.</param>
        /// <param name="password">The password; null for none.</param>
        /// <param name="willRetain">Whether the server keeps the will.</param>
        /// <param name="willQosLevel">The will's quality of service.</param>
        /// <param name="willFlag">Whether there is a will.</param>
        /// <param name="willTopic">The will's topic.</param>
        /// <param name="willMessage">The will's payload.</param>
        /// <param name="cleanSession">Whether a new session begins.</param>
        /// <param name="keepAlivePeriod">The longest silence, in seconds; 0 for no limit.</param>
        /// <returns>The server's answer.</returns>
        MqttReasonCode Connect(string clientId, string username, string password, bool willRetain,
            MqttQoSLevel willQosLevel, bool willFlag, string willTopic, string willMessage, bool cleanSession,
            ushort keepAlivePeriod);

        /// <summary>Ends the connection in order. See <see cref="MqttClient.Disconnect"/>.</summary>
        void Disconnect();

        /// <summary>Cuts the connection. See <see cref="MqttClient.Close"/>.</summary>
        void Close();

        /// <summary>Subscribes, without waiting.</summary>
        /// <param name="topics">The topic filters.</param>
        /// <param name="qosLevels">The highest QoS for each.</param>
        /// <returns>The identifier, which comes back with <see cref="MqttMsgSubscribed"/>.</returns>
        ushort Subscribe(string[] topics, MqttQoSLevel[] qosLevels);

        /// <summary>Ends subscriptions, without waiting.</summary>
        /// <param name="topics">The topic filters.</param>
        /// <returns>The identifier, which comes back with <see cref="MqttMsgUnsubscribed"/>.</returns>
        ushort Unsubscribe(string[] topics);

        /// <summary>Publishes with QoS 0, without waiting.</summary>
        /// <param name="topic">The topic name.</param>
        /// <param name="message">The payload.</param>
        /// <returns>The identifier.</returns>
        ushort Publish(string topic, byte[] message);

        /// <summary>Publishes with QoS 0, without waiting.</summary>
        /// <param name="topic">The topic name.</param>
        /// <param name="message">The payload.</param>
        /// <param name="contentType">What the payload is; null for nothing. MQTT 5.0 only.</param>
        /// <returns>The identifier.</returns>
        ushort Publish(string topic, byte[] message, string contentType);

        /// <summary>Publishes, without waiting.</summary>
        /// <param name="topic">The topic name.</param>
        /// <param name="message">The payload.</param>
        /// <param name="contentType">What the payload is; null for nothing. MQTT 5.0 only.</param>
        /// <param name="userProperties">The user properties; null for none. MQTT 5.0 only.</param>
        /// <param name="qosLevel">The quality of service.</param>
        /// <param name="retain">Whether the server keeps the message.</param>
        /// <returns>The identifier, which comes back with <see cref="MqttMsgPublished"/>.</returns>
        ushort Publish(string topic, byte[] message, string contentType, ArrayList userProperties,
            MqttQoSLevel qosLevel, bool retain);
    }
}
