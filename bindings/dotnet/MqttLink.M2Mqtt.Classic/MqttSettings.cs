using Nano = nanoFramework.M2Mqtt;

namespace uPLibrary.Networking.M2Mqtt
{
    /// <summary>Settings of a client. Each client has its own, copied from <see cref="Instance"/> when it is
    /// made.</summary>
    public class MqttSettings
    {
        /// <summary>The port of MQTT.</summary>
        public const int MQTT_BROKER_DEFAULT_PORT = 1883;

        /// <summary>The port of MQTT over TLS.</summary>
        public const int MQTT_BROKER_DEFAULT_SSL_PORT = 8883;

        /// <summary>How long an answer may take, in milliseconds.</summary>
        public const int MQTT_DEFAULT_TIMEOUT = 30000;

        /// <summary>Not used any more: a message is sent again when the connection is, and never before.</summary>
        public const int MQTT_ATTEMPTS_RETRY = 3;

        /// <summary>Not used any more, see <see cref="MQTT_ATTEMPTS_RETRY"/>. In milliseconds.</summary>
        public const int MQTT_DELAY_RETRY = 10000;

        /// <summary>How long connecting may take, in milliseconds.</summary>
        public const int MQTT_CONNECT_TIMEOUT = 30000;

        /// <summary>How many messages may wait to be sent and acknowledged.</summary>
        public const int MQTT_MAX_INFLIGHT_QUEUE_SIZE = int.MaxValue;

        private static readonly MqttSettings Template = new MqttSettings(Nano.MqttSettings.Instance.Copy());

        internal MqttSettings(Nano.MqttSettings inner)
        {
            Inner = inner;
        }

        /// <summary>What new clients start with.</summary>
        public static MqttSettings Instance
        {
            get { return Template; }
        }

        /// <summary>The port for connections without TLS.</summary>
        public int Port
        {
            get { return Inner.Port; }
            internal set { Inner.Port = value; }
        }

        /// <summary>The port for connections with TLS.</summary>
        public int SslPort
        {
            get { return Inner.SslPort; }
            internal set { Inner.SslPort = value; }
        }

        /// <summary>How long <c>Connect</c> may take in all, in milliseconds.</summary>
        public int TimeoutOnConnection
        {
            get { return Inner.TimeoutOnConnection; }
            set { Inner.TimeoutOnConnection = value; }
        }

        /// <summary>How long the server may take to answer SUBSCRIBE and UNSUBSCRIBE, in milliseconds.</summary>
        public int TimeoutOnReceiving
        {
            get { return Inner.TimeoutOnReceiving; }
            set { Inner.TimeoutOnReceiving = value; }
        }

        /// <summary>Not used any more: a message is sent again when the connection is, and never before.</summary>
        public int AttemptsOnRetry
        {
            get { return Inner.AttemptsOnRetry; }
        }

        /// <summary>Not used any more, see <see cref="AttemptsOnRetry"/>.</summary>
        public int DelayOnRetry
        {
            get { return Inner.DelayOnRetry; }
        }

        /// <summary>How many messages may wait to be sent and acknowledged before <c>Publish</c> throws.</summary>
        public int InflightQueueSize
        {
            get { return Inner.InflightQueueSize; }
            set { Inner.InflightQueueSize = value; }
        }

        /// <summary>How long <c>Disconnect</c> waits until everything is sent and acknowledged, in
        /// milliseconds.</summary>
        public int DrainTimeout
        {
            get { return Inner.DrainTimeout; }
            set { Inner.DrainTimeout = value; }
        }

        internal Nano.MqttSettings Inner { get; }
    }
}
