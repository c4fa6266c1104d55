using System;
using System.Collections;
using System.Security.Cryptography.X509Certificates;
using MqttLink.M2Mqtt.Engine;
using nanoFramework.M2Mqtt.Exceptions;
using nanoFramework.M2Mqtt.Messages;

namespace nanoFramework.M2Mqtt
{
    /// <summary>An MQTT client whose programming interface is that of nanoFramework.M2Mqtt 5.0 and 5.1.</summary>
    /// <remarks>
    /// <c>Connect</c> blocks; <c>Publish</c>, <c>Subscribe</c> and <c>Unsubscribe</c> never do: they return an
    /// identifier, and the outcome comes with an event. All events run on one thread of the client, one at a time and
    /// in order, and every method may be called on any thread and in every event. What a handler throws is caught and
    /// reported by <see cref="HandlerException"/>.
    /// </remarks>
    public partial class MqttClient : IMqttClient, IDisposable
    {
        private readonly Core core;
        private string host;
        private int port;
        private TlsPlan tls;
        private bool? requestProblemInformation;

        /// <summary>For a server without TLS, on port 1883. The name is looked up by <c>Connect</c>, each time
        /// anew.</summary>
        /// <param name="brokerHostName">Name or address.</param>
        public MqttClient(string brokerHostName)
            : this(brokerHostName, MqttSettings.Instance.Port, false, null, null, MqttSslProtocols.None)
        {
        }

        /// <summary>For a server. The name is looked up by <c>Connect</c>, each time anew.</summary>
        /// <param name="brokerHostName">Name or address.</param>
        /// <param name="brokerPort">The port.</param>
        /// <param name="secure">Whether TLS is spoken.</param>
        /// <param name="caCert">The authority to trust besides the system's; null for those alone. See
        /// <see cref="PemCertificate"/> for PEM.</param>
        /// <param name="clientCert">The client's certificate with its private key, which has to be exportable: an
        /// <see cref="X509Certificate2"/> or a <see cref="PemCertificate"/>; null for none.</param>
        /// <param name="sslProtocol">The version of TLS; <see cref="MqttSslProtocols.None"/> for the best.</param>
        /// <exception cref="ArgumentException">Host, port, version or a certificate cannot be used.</exception>
        public MqttClient(string brokerHostName, int brokerPort, bool secure, X509Certificate caCert,
            X509Certificate clientCert, MqttSslProtocols sslProtocol)
            : this()
        {
            SetServer(brokerHostName, brokerPort, secure);
            tls = secure
                ? TlsPlan.From(PemCertificate.AuthorityBytes(caCert), clientCert, null, sslProtocol)
                : null;
        }

        /// <summary>For a server by its address, without TLS, on port 1883.</summary>
        /// <param name="brokerIpAddress">The address.</param>
        public MqttClient(System.Net.IPAddress brokerIpAddress)
            : this((brokerIpAddress ?? throw new ArgumentNullException(nameof(brokerIpAddress))).ToString())
        {
        }

        private MqttClient()
        {
            Settings = MqttSettings.Instance.Copy();
            core = new Core(new EventSource(this));
            ProtocolVersion = MqttProtocolVersion.Version_3_1_1;
            ReceiveMaximum = ushort.MaxValue;
            UserProperties = new ArrayList();
        }

        /// <summary>Whether the server has accepted the connection, and it is not being ended. Never
        /// blocks.</summary>
        public bool IsConnected
        {
            get { return core.IsConnected; }
        }

        /// <summary>The client identifier of the last accepted connection; the one that the server assigned, if it
        /// did.</summary>
        public string ClientId { get; private set; }

        /// <summary>Whether the last accepted connection began a new session.</summary>
        public bool CleanSession { get; private set; }

        /// <summary>Whether the last accepted connection has a will.</summary>
        public bool WillFlag { get; private set; }

        /// <summary>The will's quality of service.</summary>
        public MqttQoSLevel WillQosLevel { get; private set; }

        /// <summary>The will's topic.</summary>
        public string WillTopic { get; private set; }

        /// <summary>The will's payload as text.</summary>
        public string WillMessage { get; private set; }

        /// <summary>The protocol version of the next connection. Default: MQTT 3.1.1.</summary>
        public MqttProtocolVersion ProtocolVersion { get; set; }

        /// <summary>The authentication method of the next connection; null for none. MQTT 5.0 only.</summary>
        public string AuthenticationMethod { get; set; }

        /// <summary>The authentication data that CONNECT carries; null for none. MQTT 5.0 only.</summary>
        public byte[] AuthenticationData { get; set; }

        /// <summary>How many seconds the session outlives the connection; 4,294,967,295 is for ever. Default: 0. MQTT
        /// 5.0 only.</summary>
        public uint SessionExpiryInterval { get; set; }

        /// <summary>Whether the server may explain failures. As long as it has not been set the server may, which is
        /// the protocol's default. MQTT 5.0 only.</summary>
        public bool RequestProblemInformation
        {
            get { return requestProblemInformation ?? false; }
            set { requestProblemInformation = value; }
        }

        /// <summary>Whether the server is asked for the basis of response topics. MQTT 5.0 only.</summary>
        public bool RequestResponseInformation { get; set; }

        /// <summary>How many messages of QoS 1 and 2 may await this client's acknowledgement. Default: 65,535. MQTT
        /// 5.0 only.</summary>
        public ushort ReceiveMaximum { get; set; }

        /// <summary>How many topic aliases the server may use; events have the topic all the same. Default: 0. MQTT
        /// 5.0 only.</summary>
        public ushort TopicAliasMaximum { get; set; }

        /// <summary>How many seconds after the end of the connection the will is published. Default: 0. MQTT 5.0
        /// only.</summary>
        public uint WillDelayInterval { get; set; }

        /// <summary>What travels with the will besides topic and payload: expiry, content type, response topic,
        /// correlation data and user properties of this packet. Null for nothing. MQTT 5.0 only.</summary>
        public MqttMsgPublish WillProperties { get; set; }

        /// <summary>The will's payload, if it is not text; it takes the place of <c>willMessage</c>. Null for
        /// none.</summary>
        public byte[] WillPayload { get; set; }

        /// <summary>The largest packet that this client takes, in bytes; 0 for 16 MiB. In MQTT 5.0 the server is
        /// told.</summary>
        public uint MaximumPacketSize { get; set; }

        /// <summary>The user properties of CONNECT, each a <see cref="UserProperty"/>. MQTT 5.0 only.</summary>
        public ArrayList UserProperties { get; internal set; }

        /// <summary>Whether <c>Connect</c> returns as soon as CONNECT is sent, so that <see cref="Authentication"/>
        /// can be answered. MQTT 5.0 only.</summary>
        public bool IsAuthenticationFlow { get; set; }

        /// <summary>The settings of this client alone.</summary>
        public MqttSettings Settings { get; }

        /// <summary>Whether the client connects again by itself after a connection was lost, with pauses of 1 s to
        /// 60 s, and subscribes anew if the server has lost the session. <see cref="ConnectionClosed"/> comes all the
        /// same. Default: false, so that it does not compete with a loop of the program.</summary>
        public bool AutoReconnect
        {
            get { return core.AutoReconnect; }
            set { core.AutoReconnect = value; }
        }

        /// <summary>Sets the client up anew: closes it, and forgets what was set for the protocol.</summary>
        /// <param name="brokerHostName">Name or address.</param>
        /// <param name="brokerPort">The port.</param>
        /// <param name="secure">Whether TLS is spoken.</param>
        /// <param name="caCert">The authority to trust besides the system's, PEM or DER; null for those
        /// alone.</param>
        /// <param name="clientCert">The client's certificate and private key: both in PEM, or a PKCS#12 container
        /// without a password; null for none.</param>
        /// <param name="sslProtocol">The version of TLS; <see cref="MqttSslProtocols.None"/> for the best.</param>
        /// <exception cref="ArgumentException">Host, port, version or a certificate cannot be used.</exception>
        public void Init(string brokerHostName, int brokerPort, bool secure, byte[] caCert, byte[] clientCert,
            MqttSslProtocols sslProtocol)
        {
            TlsPlan plan = secure ? TlsPlan.From(caCert, null, clientCert, sslProtocol) : null;
            SetServer(brokerHostName, brokerPort, secure);
            core.Close();
            tls = plan;
            ProtocolVersion = MqttProtocolVersion.Version_3_1_1;
        }

        /// <summary>Connects with a new session, without a will, with a keep alive of 60 s.</summary>
        /// <param name="clientId">The client identifier.</param>
        /// <returns>The server's answer; 0 is success.</returns>
        /// <exception cref="MqttConnectionException">Name, network or TLS.</exception>
        /// <exception cref="MqttCommunicationException">No answer came.</exception>
        public MqttReasonCode Connect(string clientId)
        {
            return Connect(clientId, true);
        }

        /// <summary>Connects without a will, with a keep alive of 60 s.</summary>
        /// <param name="clientId">The client identifier.</param>
        /// <param name="cleanSession">Whether a new session begins.</param>
        /// <returns>The server's answer; 0 is success.</returns>
        /// <exception cref="MqttConnectionException">Name, network or TLS.</exception>
        /// <exception cref="MqttCommunicationException">No answer came.</exception>
        public MqttReasonCode Connect(string clientId, bool cleanSession)
        {
            return Connect(clientId, null, null, cleanSession, 60);
        }

        /// <summary>Connects with a new session, without a will, with a keep alive of 60 s.</summary>
        /// <param name="clientId">The client identifier.</param>
        /// <param name="username">The user name; null for none.</param>
        /// <param name="password">The password; null for none.</param>
        /// <returns>The server's answer; 0 is success.</returns>
        /// <exception cref="MqttConnectionException">Name, network or TLS.</exception>
        /// <exception cref="MqttCommunicationException">No answer came.</exception>
        public MqttReasonCode Connect(string clientId, string username, string password)
        {
            return Connect(clientId, username, password, true, 60);
        }

        /// <summary>Connects without a will.</summary>
        /// <param name="clientId">The client identifier.</param>
        /// <param name="username">The user name; null for none.</param>
        /// <param name="password">The password; null for none.</param>
        /// <param name="cleanSession">Whether a new session begins.</param>
        /// <param name="keepAlivePeriod">The longest silence, in seconds; 0 for no limit.</param>
        /// <returns>The server's answer; 0 is success.</returns>
        /// <exception cref="MqttConnectionException">Name, network or TLS.</exception>
        /// <exception cref="MqttCommunicationException">No answer came.</exception>
        public MqttReasonCode Connect(
            string clientId, string username, string password, bool cleanSession, ushort keepAlivePeriod)
        {
            return Connect(clientId, username, password, false, MqttQoSLevel.AtMostOnce, false, null, null,
                cleanSession, keepAlivePeriod);
        }

        /// <summary>Connects, and waits for the server's answer, at most
        /// <see cref="MqttSettings.TimeoutOnConnection"/>. The call may be made again after the connection is gone,
        /// also inside <see cref="ConnectionClosed"/>.</summary>
        /// <param name="clientId">The client identifier; empty to have the server make one up.</param>
        /// <param name="username">The user name; null for none.</param>
        /// <param name="password">The password; null for none.</param>
        /// <param name="willRetain">Whether the server keeps the will.</param>
        /// <param name="willQosLevel">The will's quality of service.</param>
        /// <param name="willFlag">Whether there is a will.</param>
        /// <param name="willTopic">The will's topic.</param>
        /// <param name="willMessage">The will's payload, which may be empty.</param>
        /// <param name="cleanSession">Whether a new session begins. If not, messages of QoS 1 and 2 that an earlier
        /// connection of this object left unacknowledged are sent again.</param>
        /// <param name="keepAlivePeriod">The longest silence, in seconds; 0 for no limit.</param>
        /// <returns>The server's answer; 0 is success.</returns>
        /// <exception cref="MqttConnectionException">Name, network or TLS.</exception>
        /// <exception cref="MqttCommunicationException">No answer came.</exception>
        /// <exception cref="MqttClientException">Will or client identifier cannot be used.</exception>
        /// <exception cref="ArgumentException">Another argument cannot be used.</exception>
        /// <exception cref="InvalidOperationException">The client is connected.</exception>
        /// <exception cref="ObjectDisposedException">The client was disposed.</exception>
        public MqttReasonCode Connect(string clientId, string username, string password, bool willRetain,
            MqttQoSLevel willQosLevel, bool willFlag, string willTopic, string willMessage, bool cleanSession,
            ushort keepAlivePeriod)
        {
            MqttMsgConnect message = new MqttMsgConnect(clientId, username, password, willRetain, willQosLevel,
                willFlag, willTopic, willMessage, cleanSession, keepAlivePeriod, ProtocolVersion);
            if (willFlag && WillPayload != null)
            {
                message.WillPayload = WillPayload;
            }

            if (ProtocolVersion == MqttProtocolVersion.Version_5)
            {
                AddProperties(message);
            }

            message.MaximumPacketSize = MaximumPacketSize;
            message.GetBytes(ProtocolVersion);
            return core.Connect(new ConnectPlan
            {
                Host = host,
                Port = port,
                Tls = tls,
                Connect = message,
                IsAuthenticationFlow = IsAuthenticationFlow && ProtocolVersion == MqttProtocolVersion.Version_5,
                Settings = Settings.Copy(),
                ShowsPackets = PacketShown != null
            });
        }

        /// <summary>Ends the connection: sends what was accepted, waits for the acknowledgements, at most
        /// <see cref="MqttSettings.DrainTimeout"/>, and sends DISCONNECT. The server discards the will.
        /// <see cref="ConnectionClosed"/> follows.</summary>
        /// <exception cref="MqttCommunicationException">There is no connection.</exception>
        public void Disconnect()
        {
            core.Disconnect(Settings.DrainTimeout);
        }

        /// <summary>Cuts the connection, without DISCONNECT, so that the server publishes the will. No event tells of
        /// it, and none begins any more once it returns; a handler that runs is waited for, at most 1 s, unless that
        /// is the caller. What was not sent is forgotten, except for what a persistent session sends again. The client
        /// can connect anew.</summary>
        public void Close()
        {
            core.Close();
        }

        /// <summary>Closes the client for good. May be called at any moment, also inside every event.</summary>
        public void Dispose()
        {
            core.Dispose();
            GC.SuppressFinalize(this);
        }

        private static void CheckServer(string name, int number)
        {
            if (string.IsNullOrEmpty(name))
            {
                throw new ArgumentException("the server's name is empty", nameof(name));
            }

            if (number < 1 || number > ushort.MaxValue)
            {
                throw new ArgumentException("the port is 1 to 65,535, and this is " + number, nameof(number));
            }
        }

        private void SetServer(string name, int number, bool secure)
        {
            CheckServer(name, number);
            host = name;
            port = number;
            if (secure)
            {
                Settings.SslPort = number;
            }
            else
            {
                Settings.Port = number;
            }
        }

        private void AddProperties(MqttMsgConnect message)
        {
            message.AuthenticationMethod = AuthenticationMethod;
            message.AuthenticationData = AuthenticationData;
            message.SessionExpiryInterval = SessionExpiryInterval;
            message.ProblemInformation = requestProblemInformation;
            message.RequestResponseInformation = RequestResponseInformation;
            message.ReceiveMaximum = ReceiveMaximum;
            message.TopicAliasMaximum = TopicAliasMaximum;
            message.WillDelayInterval = WillDelayInterval;
            message.WillProperties = WillProperties;
            message.UserProperties = new ArrayList(UserProperties);
        }
    }
}
