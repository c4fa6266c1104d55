using System;
using System.Linq;
using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using MqttLink.Interop;
using nanoFramework.M2Mqtt.Messages;
using uPLibrary.Networking.M2Mqtt.Exceptions;
using uPLibrary.Networking.M2Mqtt.Utility;
using Classic = uPLibrary.Networking.M2Mqtt.Messages;
using Engine = MqttLink.M2Mqtt.Engine;
using Nano = nanoFramework.M2Mqtt;

namespace uPLibrary.Networking.M2Mqtt
{
    /// <summary>An MQTT client whose programming interface is that of M2Mqtt 4.3.</summary>
    /// <remarks>
    /// <c>Connect</c> blocks; <c>Publish</c>, <c>Subscribe</c> and <c>Unsubscribe</c> never do: they return an
    /// identifier, and the outcome comes with an event. All events run on one thread of the client, one at a time and
    /// in order, and every method may be called on any thread and in every event.
    /// </remarks>
    public class MqttClient : IDisposable
    {
        private readonly Handlers<MqttMsgPublishEventHandler> received = new Handlers<MqttMsgPublishEventHandler>();
        private readonly Handlers<MqttMsgPublishedEventHandler> published =
            new Handlers<MqttMsgPublishedEventHandler>();
        private readonly Handlers<MqttMsgSubscribedEventHandler> subscribed =
            new Handlers<MqttMsgSubscribedEventHandler>();
        private readonly Handlers<MqttMsgUnsubscribedEventHandler> unsubscribed =
            new Handlers<MqttMsgUnsubscribedEventHandler>();
        private readonly Handlers<ConnectionClosedEventHandler> closed = new Handlers<ConnectionClosedEventHandler>();
        private readonly Nano.MqttClient inner;
        private readonly string host;
        private readonly X509Certificate caCert;
        private readonly X509Certificate clientCert;
        private readonly Nano.MqttSslProtocols protocol;
        private readonly RemoteCertificateValidationCallback verify;
        private readonly LocalCertificateSelectionCallback select;

        /// <summary>For a server without TLS, on port 1883.</summary>
        /// <param name="brokerHostName">Name or address.</param>
        public MqttClient(string brokerHostName)
            : this(brokerHostName, MqttSettings.Instance.Port, false, null, null, MqttSslProtocols.None)
        {
        }

        /// <summary>For a server.</summary>
        /// <param name="brokerHostName">Name or address.</param>
        /// <param name="brokerPort">The port.</param>
        /// <param name="secure">Whether TLS is spoken.</param>
        /// <param name="caCert">The authority to trust besides the system's; null for those alone.</param>
        /// <param name="clientCert">The client's certificate with its private key; null for none.</param>
        /// <param name="sslProtocol">The version of TLS.</param>
        public MqttClient(string brokerHostName, int brokerPort, bool secure, X509Certificate caCert,
            X509Certificate clientCert, MqttSslProtocols sslProtocol)
            : this(brokerHostName, brokerPort, secure, caCert, clientCert, sslProtocol, null, null)
        {
        }

        /// <summary>For a server whose certificate the program verifies.</summary>
        /// <param name="brokerHostName">Name or address.</param>
        /// <param name="brokerPort">The port.</param>
        /// <param name="secure">Whether TLS is spoken.</param>
        /// <param name="caCert">The authority to trust besides the system's; null for those alone.</param>
        /// <param name="clientCert">The client's certificate with its private key; null for none.</param>
        /// <param name="sslProtocol">The version of TLS.</param>
        /// <param name="userCertificateValidationCallback">Decides about the server's certificate; null leaves it to
        /// the library.</param>
        public MqttClient(string brokerHostName, int brokerPort, bool secure, X509Certificate caCert,
            X509Certificate clientCert, MqttSslProtocols sslProtocol,
            RemoteCertificateValidationCallback userCertificateValidationCallback)
            : this(brokerHostName, brokerPort, secure, caCert, clientCert, sslProtocol,
                userCertificateValidationCallback, null)
        {
        }

        /// <summary>For a server whose certificate the program verifies, with a certificate that it
        /// chooses.</summary>
        /// <param name="brokerHostName">Name or address.</param>
        /// <param name="brokerPort">The port.</param>
        /// <param name="secure">Whether TLS is spoken.</param>
        /// <param name="sslProtocol">The version of TLS.</param>
        /// <param name="userCertificateValidationCallback">Decides about the server's certificate; null leaves it to
        /// the library.</param>
        /// <param name="userCertificateSelectionCallback">Chooses the client's certificate; null for none.</param>
        public MqttClient(string brokerHostName, int brokerPort, bool secure, MqttSslProtocols sslProtocol,
            RemoteCertificateValidationCallback userCertificateValidationCallback,
            LocalCertificateSelectionCallback userCertificateSelectionCallback)
            : this(brokerHostName, brokerPort, secure, null, null, sslProtocol, userCertificateValidationCallback,
                userCertificateSelectionCallback)
        {
        }

        /// <summary>For a server, with all that can be said.</summary>
        /// <param name="brokerHostName">Name or address.</param>
        /// <param name="brokerPort">The port.</param>
        /// <param name="secure">Whether TLS is spoken.</param>
        /// <param name="caCert">The authority to trust besides the system's; null for those alone.</param>
        /// <param name="clientCert">The client's certificate with its private key; null for none.</param>
        /// <param name="sslProtocol">The version of TLS.</param>
        /// <param name="userCertificateValidationCallback">Decides about the server's certificate; null leaves it to
        /// the library. Its arguments: this client, the certificate, its chain, and what .NET finds wrong. It runs on
        /// the thread that connects.</param>
        /// <param name="userCertificateSelectionCallback">Chooses the client's certificate before each connection;
        /// null takes <paramref name="clientCert"/>. The server's certificate is not known then.</param>
        public MqttClient(string brokerHostName, int brokerPort, bool secure, X509Certificate caCert,
            X509Certificate clientCert, MqttSslProtocols sslProtocol,
            RemoteCertificateValidationCallback userCertificateValidationCallback,
            LocalCertificateSelectionCallback userCertificateSelectionCallback)
        {
            host = brokerHostName;
            this.caCert = caCert;
            this.clientCert = clientCert;
            protocol = (Nano.MqttSslProtocols)(int)sslProtocol;
            verify = userCertificateValidationCallback;
            select = userCertificateSelectionCallback;
            inner = new Nano.MqttClient(brokerHostName, brokerPort, secure, caCert,
                select == null ? clientCert : null, protocol);
            if (secure && verify != null)
            {
                inner.Tls.Verifier = Verify;
            }

            Settings = new MqttSettings(inner.Settings);
            CopySettings();
            Subscribe();
        }

        /// <summary>For a server by its address, without TLS, on port 1883.</summary>
        /// <param name="brokerIpAddress">The address.</param>
        [Obsolete("Use the constructor that takes the name.")]
        public MqttClient(IPAddress brokerIpAddress)
            : this(brokerIpAddress, MqttSettings.Instance.Port, false, null, null, MqttSslProtocols.None)
        {
        }

        /// <summary>For a server by its address.</summary>
        /// <param name="brokerIpAddress">The address.</param>
        /// <param name="brokerPort">The port.</param>
        /// <param name="secure">Whether TLS is spoken.</param>
        /// <param name="caCert">The authority to trust besides the system's; null for those alone.</param>
        /// <param name="clientCert">The client's certificate with its private key; null for none.</param>
        /// <param name="sslProtocol">The version of TLS.</param>
        [Obsolete("Use the constructor that takes the name.")]
        public MqttClient(IPAddress brokerIpAddress, int brokerPort, bool secure, X509Certificate caCert,
            X509Certificate clientCert, MqttSslProtocols sslProtocol)
            : this((brokerIpAddress ?? throw new ArgumentNullException(nameof(brokerIpAddress))).ToString(),
                brokerPort, secure, caCert, clientCert, sslProtocol)
        {
        }

        /// <summary>A message has come.</summary>
        public event MqttMsgPublishEventHandler MqttMsgPublishReceived
        {
            add { received.Add(value); }
            remove { received.Remove(value); }
        }

        /// <summary>What came of a message of QoS 1 or 2.</summary>
        public event MqttMsgPublishedEventHandler MqttMsgPublished
        {
            add { published.Add(value); }
            remove { published.Remove(value); }
        }

        /// <summary>The server has answered a subscription, or will not any more.</summary>
        public event MqttMsgSubscribedEventHandler MqttMsgSubscribed
        {
            add { subscribed.Add(value); }
            remove { subscribed.Remove(value); }
        }

        /// <summary>The server has answered the end of a subscription, or will not any more.</summary>
        public event MqttMsgUnsubscribedEventHandler MqttMsgUnsubscribed
        {
            add { unsubscribed.Add(value); }
            remove { unsubscribed.Remove(value); }
        }

        /// <summary>The connection is gone: it was lost, or <see cref="Disconnect"/> was called. <c>Connect</c> may be
        /// called inside.</summary>
        public event ConnectionClosedEventHandler ConnectionClosed
        {
            add { closed.Add(value); }
            remove { closed.Remove(value); }
        }

        /// <summary>Handles a message.</summary>
        /// <param name="sender">The client.</param>
        /// <param name="e">The message.</param>
        public delegate void MqttMsgPublishEventHandler(object sender, Classic.MqttMsgPublishEventArgs e);

        /// <summary>Handles the outcome of a message.</summary>
        /// <param name="sender">The client.</param>
        /// <param name="e">The outcome.</param>
        public delegate void MqttMsgPublishedEventHandler(object sender, Classic.MqttMsgPublishedEventArgs e);

        /// <summary>Handles the answer to a subscription.</summary>
        /// <param name="sender">The client.</param>
        /// <param name="e">The answer.</param>
        public delegate void MqttMsgSubscribedEventHandler(object sender, Classic.MqttMsgSubscribedEventArgs e);

        /// <summary>Handles the answer to the end of a subscription.</summary>
        /// <param name="sender">The client.</param>
        /// <param name="e">The answer.</param>
        public delegate void MqttMsgUnsubscribedEventHandler(object sender, Classic.MqttMsgUnsubscribedEventArgs e);

        /// <summary>Handles the end of a connection.</summary>
        /// <param name="sender">The client.</param>
        /// <param name="e">Nothing.</param>
        public delegate void ConnectionClosedEventHandler(object sender, EventArgs e);

        /// <summary>Whether the server has accepted the connection, and it is not being ended. Never
        /// blocks.</summary>
        public bool IsConnected
        {
            get { return inner.IsConnected; }
        }

        /// <summary>The client identifier of the last accepted connection.</summary>
        public string ClientId
        {
            get { return inner.ClientId; }
        }

        /// <summary>Whether the last accepted connection began a new session.</summary>
        public bool CleanSession
        {
            get { return inner.CleanSession; }
        }

        /// <summary>Whether the last accepted connection has a will.</summary>
        public bool WillFlag
        {
            get { return inner.WillFlag; }
        }

        /// <summary>The will's quality of service.</summary>
        public byte WillQosLevel
        {
            get { return (byte)inner.WillQosLevel; }
        }

        /// <summary>The will's topic.</summary>
        public string WillTopic
        {
            get { return inner.WillTopic; }
        }

        /// <summary>The will's payload.</summary>
        public string WillMessage
        {
            get { return inner.WillMessage; }
        }

        /// <summary>The protocol version of the next connection. Default: MQTT 3.1.1.</summary>
        public MqttProtocolVersion ProtocolVersion
        {
            get { return (MqttProtocolVersion)(int)inner.ProtocolVersion; }
            set { inner.ProtocolVersion = (Nano.MqttProtocolVersion)(int)value; }
        }

        /// <summary>The settings of this client alone.</summary>
        public MqttSettings Settings { get; }

        /// <summary>Connects with a new session, without a will, with a keep alive of 60 s.</summary>
        /// <param name="clientId">The client identifier.</param>
        /// <returns>The server's answer, such as <see cref="Classic.MqttMsgConnack.CONN_ACCEPTED"/>.</returns>
        public byte Connect(string clientId)
        {
            return Connect(clientId, true);
        }

        /// <summary>Connects without a will, with a keep alive of 60 s.</summary>
        /// <param name="clientId">The client identifier.</param>
        /// <param name="cleanSession">Whether a new session begins.</param>
        /// <returns>The server's answer, such as <see cref="Classic.MqttMsgConnack.CONN_ACCEPTED"/>.</returns>
        public byte Connect(string clientId, bool cleanSession)
        {
            return Connect(clientId, null, null, cleanSession, 60);
        }

        /// <summary>Connects with a new session, without a will, with a keep alive of 60 s.</summary>
        /// <param name="clientId">The client identifier.</param>
        /// <param name="username">The user name; null for none.</param>
        /// <param name="password">The password; null for none.</param>
        /// <returns>The server's answer, such as <see cref="Classic.MqttMsgConnack.CONN_ACCEPTED"/>.</returns>
        public byte Connect(string clientId, string username, string password)
        {
            return Connect(clientId, username, password, true, 60);
        }

        /// <summary>Connects without a will.</summary>
        /// <param name="clientId">The client identifier.</param>
        /// <param name="username">The user name; null for none.</param>
        /// <param name="password">The password; null for none.</param>
        /// <param name="cleanSession">Whether a new session begins.</param>
        /// <param name="keepAlivePeriod">The longest silence, in seconds; 0 for no limit.</param>
        /// <returns>The server's answer, such as <see cref="Classic.MqttMsgConnack.CONN_ACCEPTED"/>.</returns>
        public byte Connect(
            string clientId, string username, string password, bool cleanSession, ushort keepAlivePeriod)
        {
            return Connect(clientId, username, password, false, Classic.MqttMsgBase.QOS_LEVEL_AT_MOST_ONCE, false,
                null, null, cleanSession, keepAlivePeriod);
        }

        /// <summary>Connects, and waits for the server's answer, at most
        /// <see cref="MqttSettings.TimeoutOnConnection"/>.</summary>
        /// <param name="clientId">The client identifier; empty to have the server make one up.</param>
        /// <param name="username">The user name; null for none.</param>
        /// <param name="password">The password; null for none.</param>
        /// <param name="willRetain">Whether the server keeps the will.</param>
        /// <param name="willQosLevel">The will's quality of service.</param>
        /// <param name="willFlag">Whether there is a will.</param>
        /// <param name="willTopic">The will's topic.</param>
        /// <param name="willMessage">The will's payload, which may be empty.</param>
        /// <param name="cleanSession">Whether a new session begins.</param>
        /// <param name="keepAlivePeriod">The longest silence, in seconds; 0 for no limit.</param>
        /// <returns>The server's answer, such as <see cref="Classic.MqttMsgConnack.CONN_ACCEPTED"/>.</returns>
        /// <exception cref="MqttConnectionException">Name, network or TLS.</exception>
        /// <exception cref="MqttCommunicationException">No answer came.</exception>
        /// <exception cref="MqttClientException">Will or client identifier cannot be used.</exception>
        public byte Connect(string clientId, string username, string password, bool willRetain, byte willQosLevel,
            bool willFlag, string willTopic, string willMessage, bool cleanSession, ushort keepAlivePeriod)
        {
            return Translated.Call(() =>
            {
                SelectCertificate();
                bool frames = (Trace.TraceLevel & TraceLevel.Frame) != 0;
                inner.PacketShown = frames ? Trace.Frame : (Action<string>)null;
                return (byte)inner.Connect(clientId, username, password, willRetain, (MqttQoSLevel)willQosLevel,
                    willFlag, willTopic, willMessage, cleanSession, keepAlivePeriod);
            });
        }

        /// <summary>Ends the connection: sends what was accepted, waits for the acknowledgements, at most
        /// <see cref="MqttSettings.DrainTimeout"/>, and sends DISCONNECT. <see cref="ConnectionClosed"/>
        /// follows.</summary>
        /// <exception cref="MqttCommunicationException">There is no connection.</exception>
        public void Disconnect()
        {
            Translated.Call(inner.Disconnect);
        }

        /// <summary>Cuts the connection for good, without DISCONNECT and without an event, so that the server publishes
        /// the will. May be called at any moment, also inside every event.</summary>
        public void Dispose()
        {
            inner.Dispose();
            GC.SuppressFinalize(this);
        }

        /// <summary>Subscribes, without waiting.</summary>
        /// <param name="topics">The topic filters.</param>
        /// <param name="qosLevels">The highest QoS for each.</param>
        /// <returns>The identifier, which comes back with <see cref="MqttMsgSubscribed"/>.</returns>
        /// <exception cref="MqttClientException">A topic filter or QoS cannot be used.</exception>
        public ushort Subscribe(string[] topics, byte[] qosLevels)
        {
            MqttQoSLevel[] levels = qosLevels?.Select(level => (MqttQoSLevel)level).ToArray();
            return Translated.Call(() => inner.Subscribe(topics, levels));
        }

        /// <summary>Ends subscriptions, without waiting.</summary>
        /// <param name="topics">The topic filters, as they were subscribed to.</param>
        /// <returns>The identifier, which comes back with <see cref="MqttMsgUnsubscribed"/>.</returns>
        /// <exception cref="MqttClientException">A topic filter cannot be used.</exception>
        public ushort Unsubscribe(string[] topics)
        {
            return Translated.Call(() => inner.Unsubscribe(topics));
        }

        /// <summary>Publishes with QoS 0, without waiting.</summary>
        /// <param name="topic">The topic name.</param>
        /// <param name="message">The payload; null is an empty one.</param>
        /// <returns>The identifier.</returns>
        /// <exception cref="MqttClientException">The topic cannot be used, or the queue is full.</exception>
        public ushort Publish(string topic, byte[] message)
        {
            return Publish(topic, message, Classic.MqttMsgBase.QOS_LEVEL_AT_MOST_ONCE, false);
        }

        /// <summary>Publishes, without waiting. Without a connection the message is sent with the next one.</summary>
        /// <param name="topic">The topic name.</param>
        /// <param name="message">The payload; null is an empty one.</param>
        /// <param name="qosLevel">The quality of service.</param>
        /// <param name="retain">Whether the server keeps the message.</param>
        /// <returns>The identifier, which comes back with <see cref="MqttMsgPublished"/> at QoS 1 and 2.</returns>
        /// <exception cref="MqttClientException">Topic or QoS cannot be used, or the queue is full.</exception>
        public ushort Publish(string topic, byte[] message, byte qosLevel, bool retain)
        {
            return Translated.Call(() => inner.Publish(topic, message, (MqttQoSLevel)qosLevel, retain));
        }

        private void CopySettings()
        {
            MqttSettings template = MqttSettings.Instance;
            Settings.TimeoutOnConnection = template.TimeoutOnConnection;
            Settings.TimeoutOnReceiving = template.TimeoutOnReceiving;
            Settings.InflightQueueSize = template.InflightQueueSize;
            Settings.DrainTimeout = template.DrainTimeout;
        }

        private void Subscribe()
        {
            Action<string, Exception> report = Report;
            inner.MqttMsgPublishReceived += (sender, e) => received.Raise("MqttMsgPublishReceived", this,
                new Classic.MqttMsgPublishEventArgs(e.Topic, e.Message, e.DupFlag, (byte)e.QosLevel, e.Retain),
                (handler, self, own) => handler(self, own), report);
            inner.MqttMsgPublished += (sender, e) => published.Raise("MqttMsgPublished", this,
                new Classic.MqttMsgPublishedEventArgs(e.MessageId, e.IsPublished),
                (handler, self, own) => handler(self, own), report);
            inner.MqttMsgSubscribed += (sender, e) => subscribed.Raise("MqttMsgSubscribed", this,
                new Classic.MqttMsgSubscribedEventArgs(
                    e.MessageId, e.GrantedQoSLevels.Select(level => (byte)level).ToArray()),
                (handler, self, own) => handler(self, own), report);
            inner.MqttMsgUnsubscribed += (sender, e) => unsubscribed.Raise("MqttMsgUnsubscribed", this,
                new Classic.MqttMsgUnsubscribedEventArgs(e.MessageId),
                (handler, self, own) => handler(self, own), report);
            inner.ConnectionClosed += (sender, e) => closed.Raise(
                "ConnectionClosed", this, e, (handler, self, own) => handler(self, own), report);
            inner.HandlerException += (sender, e) => Report(e.EventName, e.Exception);
        }

        private static void Report(string name, Exception error)
        {
            Trace.WriteLine(TraceLevel.Error, "a handler of {0} has thrown: {1}", name, error);
        }

        private void SelectCertificate()
        {
            if (select == null || inner.Tls == null)
            {
                return;
            }

            X509CertificateCollection own = new X509CertificateCollection();
            if (clientCert != null)
            {
                own.Add(clientCert);
            }

            X509Certificate chosen = select(this, host, own, null, new string[0]);
            Engine.TlsPlan plan = Engine.TlsPlan.From(
                Nano.PemCertificate.AuthorityBytes(caCert), chosen, null, protocol);
            plan.Verifier = inner.Tls.Verifier;
            inner.Tls = plan;
        }

        private bool Verify(string name, X509Certificate2 certificate)
        {
            using (var findings = new Nano.CertificateFindings(name, certificate, caCert))
            {
                return verify(this, certificate, findings.Chain, findings.Errors);
            }
        }
    }
}
