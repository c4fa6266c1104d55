using System;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>
    /// What the server granted when it accepted a connection: everything that CONNACK carried (section 3.2).
    /// Before MQTT 5.0, which says little, the values are those that hold anyway.
    /// </summary>
    public sealed class MqttConnection
    {
        private MqttConnection()
        {
        }

        /// <summary>The protocol version.</summary>
        public MqttProtocol Protocol { get; private set; }

        /// <summary>
        /// Whether the server goes on with an earlier session: its subscriptions are still there. Always false in
        /// MQTT 3.1, which cannot say.
        /// </summary>
        public bool SessionPresent { get; private set; }

        /// <summary>The client identifier in use, which the server may have assigned.</summary>
        public string ClientId { get; private set; }

        /// <summary>The keep alive in force, which the server may have changed; zero is off.</summary>
        public TimeSpan KeepAlive { get; private set; }

        /// <summary>How many seconds the session outlives the connection; 4,294,967,295 is for ever.</summary>
        public uint SessionExpirySeconds { get; private set; }

        /// <summary>How many messages of QoS 1 and 2 may await their acknowledgement; 1 to 65,535.</summary>
        public int ReceiveMaximum { get; private set; }

        /// <summary>The highest QoS that the server takes.</summary>
        public MqttQoS MaximumQoS { get; private set; }

        /// <summary>Whether the server keeps retained messages.</summary>
        public bool RetainAvailable { get; private set; }

        /// <summary>The largest packet that the server takes, in bytes, fixed header included.</summary>
        public long MaximumPacketSize { get; private set; }

        /// <summary>How many topic aliases the server takes; 0 means none.</summary>
        public int TopicAliasMaximum { get; private set; }

        /// <summary>Whether filters may contain wildcards.</summary>
        public bool WildcardSubscriptionAvailable { get; private set; }

        /// <summary>Whether subscriptions may have an identifier.</summary>
        public bool SubscriptionIdentifierAvailable { get; private set; }

        /// <summary>Whether shared subscriptions are offered.</summary>
        public bool SharedSubscriptionAvailable { get; private set; }

        /// <summary>
        /// All properties of the CONNACK, reason string, response information and user properties among them.
        /// </summary>
        public MqttProperties Properties { get; private set; }

        internal static MqttConnection From(IntPtr granted)
        {
            return new MqttConnection
            {
                Protocol = (MqttProtocol)NativeMethods.mqttlink_granted_version(granted),
                SessionPresent = NativeMethods.mqttlink_granted_session_present(granted),
                ClientId = Text.FromNative(NativeMethods.mqttlink_granted_client_id(granted)),
                KeepAlive = TimeSpan.FromSeconds(NativeMethods.mqttlink_granted_keep_alive(granted)),
                SessionExpirySeconds = NativeMethods.mqttlink_granted_session_expiry(granted),
                ReceiveMaximum = NativeMethods.mqttlink_granted_receive_maximum(granted),
                MaximumQoS = (MqttQoS)NativeMethods.mqttlink_granted_maximum_qos(granted),
                RetainAvailable = NativeMethods.mqttlink_granted_retain_available(granted),
                MaximumPacketSize = (long)(ulong)NativeMethods.mqttlink_granted_maximum_packet_size(granted),
                TopicAliasMaximum = NativeMethods.mqttlink_granted_topic_alias_maximum(granted),
                WildcardSubscriptionAvailable = NativeMethods.mqttlink_granted_wildcard_available(granted),
                SubscriptionIdentifierAvailable =
                    NativeMethods.mqttlink_granted_subscription_id_available(granted),
                SharedSubscriptionAvailable = NativeMethods.mqttlink_granted_shared_available(granted),
                Properties = MqttProperties.FromNative(NativeMethods.mqttlink_granted_properties(granted)),
            };
        }
    }
}
