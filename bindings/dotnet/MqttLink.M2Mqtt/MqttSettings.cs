namespace nanoFramework.M2Mqtt
{
    /// <summary>Settings of a client. Each client has its own, copied from <see cref="Instance"/> when it is made;
    /// what is changed in one does not touch another.</summary>
    public class MqttSettings
    {
        /// <summary>The port of MQTT.</summary>
        public const int BrokerDefaultPort = 1883;

        /// <summary>The port of MQTT over TLS.</summary>
        public const int BrokerDefaultSslPort = 8883;

        /// <summary>How long an answer may take, in milliseconds.</summary>
        public const int DefaultTimeout = 30000;

        /// <summary>Not used any more: a message is sent again when the connection is, and never before.</summary>
        public const int MaximumAttemptsRetry = 3;

        /// <summary>Not used any more, see <see cref="MaximumAttemptsRetry"/>. In milliseconds.</summary>
        public const int DefaultDelayRetry = 1000;

        /// <summary>How long connecting may take, in milliseconds.</summary>
        public const int ConnectTimeout = 30000;

        /// <summary>How many messages may wait to be sent and acknowledged: as many as there are identifiers.</summary>
        public const int DefaultInflightQueueSize = int.MaxValue;

        /// <summary>How long <c>Disconnect</c> waits until everything is sent and acknowledged, in
        /// milliseconds.</summary>
        public const int DefaultDrainTimeout = 5000;

        private static readonly MqttSettings Template = new MqttSettings();

        private MqttSettings()
        {
            Port = BrokerDefaultPort;
            SslPort = BrokerDefaultSslPort;
            TimeoutOnConnection = ConnectTimeout;
            TimeoutOnReceiving = DefaultTimeout;
            AttemptsOnRetry = MaximumAttemptsRetry;
            DelayOnRetry = DefaultDelayRetry;
            InflightQueueSize = DefaultInflightQueueSize;
            ValidateServerCertificate = true;
            DrainTimeout = DefaultDrainTimeout;
        }

        /// <summary>What new clients start with.</summary>
        public static MqttSettings Instance
        {
            get { return Template; }
        }

        /// <summary>The port for connections without TLS.</summary>
        public int Port { get; internal set; }

        /// <summary>The port for connections with TLS.</summary>
        public int SslPort { get; internal set; }

        /// <summary>How long <c>Connect</c> may take in all, in milliseconds: name, socket, TLS and CONNACK.</summary>
        public int TimeoutOnConnection { get; set; }

        /// <summary>How long the server may take to answer SUBSCRIBE, UNSUBSCRIBE and AUTH, in
        /// milliseconds.</summary>
        public int TimeoutOnReceiving { get; set; }

        /// <summary>Not used any more: a message is sent again when the connection is, and never before.</summary>
        public int AttemptsOnRetry { get; internal set; }

        /// <summary>Not used any more, see <see cref="AttemptsOnRetry"/>.</summary>
        public int DelayOnRetry { get; internal set; }

        /// <summary>How many messages may wait to be sent and acknowledged before <c>Publish</c> throws.</summary>
        public int InflightQueueSize { get; set; }

        /// <summary>Whether the server's certificate is verified. Whoever turns it off trusts everybody on the
        /// way.</summary>
        public bool ValidateServerCertificate { get; set; }

        /// <summary>How long <c>Disconnect</c> waits until everything is sent and acknowledged, in milliseconds; 0
        /// does not wait.</summary>
        public int DrainTimeout { get; set; }

        internal MqttSettings Copy()
        {
            return (MqttSettings)MemberwiseClone();
        }
    }
}
