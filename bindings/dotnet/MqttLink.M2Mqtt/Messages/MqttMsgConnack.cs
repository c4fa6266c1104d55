using MqttLink.M2Mqtt.Wire;

namespace nanoFramework.M2Mqtt.Messages
{
    /// <summary>CONNACK: the server accepts or refuses a connection.</summary>
    /// <remarks>What the server left out has the value that its absence means: what is available is available, the
    /// receive maximum is 65,535, the maximum QoS 2.</remarks>
    public class MqttMsgConnack : MqttMsgBase
    {
        /// <summary>An acceptance without a session and without limits.</summary>
        public MqttMsgConnack()
            : base(MqttMessageType.ConnectAck)
        {
            ReceiveMaximum = ushort.MaxValue;
            MaximumQosLevel = MqttQoSLevel.ExactlyOnce;
            RetainAvailable = true;
            WildcardSubscriptionAvailable = true;
            SubscriptionIdentifiersAvailable = true;
            SharedSubscriptionAvailable = true;
        }

        /// <summary>Whether the server goes on with an earlier session.</summary>
        public bool SessionPresent { get; set; }

        /// <summary>Whether the connection is accepted, and why not.</summary>
        public MqttReasonCode ReturnCode { get; set; }

        /// <summary>How many seconds the session outlives the connection; 0 if the server did not say and nothing
        /// was asked for. MQTT 5.0 only.</summary>
        public uint SessionExpiryInterval { get; set; }

        /// <summary>How many messages of QoS 1 and 2 may await the server's acknowledgement. MQTT 5.0 only.</summary>
        public ushort ReceiveMaximum { get; set; }

        /// <summary>Whether the server takes messages of QoS 1 at least; <see cref="MaximumQosLevel"/> says
        /// exactly. MQTT 5.0 only.</summary>
        public bool MaximumQoS
        {
            get
            {
                return MaximumQosLevel != MqttQoSLevel.AtMostOnce;
            }

            set
            {
                if (value != MaximumQoS)
                {
                    MaximumQosLevel = value ? MqttQoSLevel.AtLeastOnce : MqttQoSLevel.AtMostOnce;
                }
            }
        }

        /// <summary>The highest QoS that the server takes. MQTT 5.0 only.</summary>
        public MqttQoSLevel MaximumQosLevel { get; set; }

        /// <summary>Whether the server keeps retained messages. MQTT 5.0 only.</summary>
        public bool RetainAvailable { get; set; }

        /// <summary>The client identifier that the server made up; null if it did not. MQTT 5.0 only.</summary>
        public string AssignedClientIdentifier { get; set; }

        /// <summary>How many topic aliases the server takes. MQTT 5.0 only.</summary>
        public ushort TopicAliasMaximum { get; set; }

        /// <summary>A remark for people; null if there is none. MQTT 5.0 only.</summary>
        public string Reason { get; set; }

        /// <summary>Whether filters may hold wildcards. MQTT 5.0 only.</summary>
        public bool WildcardSubscriptionAvailable { get; set; }

        /// <summary>Whether subscriptions may have an identifier. MQTT 5.0 only.</summary>
        public bool SubscriptionIdentifiersAvailable { get; set; }

        /// <summary>Whether there are shared subscriptions. MQTT 5.0 only.</summary>
        public bool SharedSubscriptionAvailable { get; set; }

        /// <summary>The keep alive that the server wants, in seconds; 0 if it did not say, or wants none. MQTT 5.0
        /// only.</summary>
        public ushort ServerKeepAlive { get; set; }

        /// <summary>The basis of response topics; null if there is none. MQTT 5.0 only.</summary>
        public string ResponseInformation { get; set; }

        /// <summary>Where else to connect; null if the server did not say. MQTT 5.0 only.</summary>
        public string ServerReference { get; set; }

        /// <summary>The authentication method; null if there is none. MQTT 5.0 only.</summary>
        public string AuthenticationMethod { get; set; }

        /// <summary>The authentication data; null if there are none. MQTT 5.0 only.</summary>
        public byte[] AuthenticationData { get; set; }

        /// <summary>Reads the rest of a packet from a channel.</summary>
        /// <param name="fixedHeaderFirstByte">Its first byte, which has been read.</param>
        /// <param name="protocolVersion">The protocol version.</param>
        /// <param name="channel">Where the rest comes from.</param>
        /// <returns>The packet.</returns>
        public static MqttMsgConnack Parse(
            byte fixedHeaderFirstByte, MqttProtocolVersion protocolVersion, IMqttNetworkChannel channel)
        {
            PacketReader reader = PacketReader.Receive(
                fixedHeaderFirstByte, MqttMessageType.ConnectAck, 0, channel);
            MqttMsgConnack message = new MqttMsgConnack();
            message.SessionPresent = protocolVersion == MqttProtocolVersion.Version_3_1
                ? reader.Byte() == 1
                : reader.Flag();
            message.ReturnCode = ReadReason(reader);
            if (IsV5(protocolVersion))
            {
                message.ReadProperties(reader);
            }

            reader.End();
            return message;
        }

        /// <inheritdoc/>
        public override byte[] GetBytes(MqttProtocolVersion protocolVersion)
        {
            PacketWriter body = new PacketWriter();
            body.Byte(SessionPresent && protocolVersion != MqttProtocolVersion.Version_3_1 ? 1 : 0);
            body.Byte((int)ReturnCode);
            if (IsV5(protocolVersion))
            {
                PacketWriter properties = new PacketWriter();
                WriteLimits(properties);
                WriteFlags(properties);
                WriteTexts(properties);
                body.Properties(properties);
            }

            return body.Packet(MqttMessageType.ConnectAck, 0);
        }

        private void WriteLimits(PacketWriter properties)
        {
            if (SessionExpiryInterval > 0)
            {
                properties.Property(PropertyId.SessionExpiryInterval, SessionExpiryInterval);
            }

            if (ReceiveMaximum != ushort.MaxValue)
            {
                properties.Property(PropertyId.ReceiveMaximum, ReceiveMaximum);
            }

            if (MaximumQosLevel < MqttQoSLevel.ExactlyOnce)
            {
                properties.Property(PropertyId.MaximumQos, (byte)MaximumQosLevel);
            }

            if (MaximumPacketSize > 0)
            {
                properties.Property(PropertyId.MaximumPacketSize, MaximumPacketSize);
            }

            if (TopicAliasMaximum > 0)
            {
                properties.Property(PropertyId.TopicAliasMaximum, TopicAliasMaximum);
            }

            if (ServerKeepAlive > 0)
            {
                properties.Property(PropertyId.ServerKeepAlive, ServerKeepAlive);
            }
        }

        private void WriteFlags(PacketWriter properties)
        {
            if (!RetainAvailable)
            {
                properties.Property(PropertyId.RetainAvailable, (byte)0);
            }

            if (!WildcardSubscriptionAvailable)
            {
                properties.Property(PropertyId.WildcardSubscriptionAvailable, (byte)0);
            }

            if (!SubscriptionIdentifiersAvailable)
            {
                properties.Property(PropertyId.SubscriptionIdentifierAvailable, (byte)0);
            }

            if (!SharedSubscriptionAvailable)
            {
                properties.Property(PropertyId.SharedSubscriptionAvailable, (byte)0);
            }
        }

        private void WriteTexts(PacketWriter properties)
        {
            properties.Property(PropertyId.AssignedClientIdentifier, AssignedClientIdentifier);
            properties.Property(PropertyId.ReasonString, Reason);
            properties.Property(PropertyId.ResponseInformation, ResponseInformation);
            properties.Property(PropertyId.ServerReference, ServerReference);
            properties.Property(PropertyId.AuthenticationMethod, AuthenticationMethod);
            properties.Property(PropertyId.AuthenticationData, AuthenticationData);
            properties.UserProperties(UserProperties);
        }

        private void ReadProperties(PacketReader reader)
        {
            PropertyId id;
            reader.BeginProperties();
            while (reader.NextProperty(out id, PropertyId.SessionExpiryInterval, PropertyId.ReceiveMaximum,
                PropertyId.MaximumQos, PropertyId.RetainAvailable, PropertyId.MaximumPacketSize,
                PropertyId.AssignedClientIdentifier, PropertyId.TopicAliasMaximum, PropertyId.ReasonString,
                PropertyId.UserProperty, PropertyId.WildcardSubscriptionAvailable,
                PropertyId.SubscriptionIdentifierAvailable, PropertyId.SharedSubscriptionAvailable,
                PropertyId.ServerKeepAlive, PropertyId.ResponseInformation, PropertyId.ServerReference,
                PropertyId.AuthenticationMethod, PropertyId.AuthenticationData))
            {
                ReadProperty(reader, id);
            }
        }

        private void ReadProperty(PacketReader reader, PropertyId id)
        {
            switch (id)
            {
                case PropertyId.SessionExpiryInterval: SessionExpiryInterval = reader.UInt32(); break;
                case PropertyId.ReceiveMaximum: ReceiveMaximum = reader.UInt16(); break;
                case PropertyId.MaximumQos:
                    MaximumQosLevel = reader.Flag() ? MqttQoSLevel.AtLeastOnce : MqttQoSLevel.AtMostOnce;
                    break;
                case PropertyId.RetainAvailable: RetainAvailable = reader.Flag(); break;
                case PropertyId.MaximumPacketSize: MaximumPacketSize = reader.UInt32(); break;
                case PropertyId.AssignedClientIdentifier: AssignedClientIdentifier = reader.Text(); break;
                case PropertyId.TopicAliasMaximum: TopicAliasMaximum = reader.UInt16(); break;
                case PropertyId.ReasonString: Reason = reader.Text(); break;
                case PropertyId.WildcardSubscriptionAvailable: WildcardSubscriptionAvailable = reader.Flag(); break;
                case PropertyId.SubscriptionIdentifierAvailable:
                    SubscriptionIdentifiersAvailable = reader.Flag();
                    break;
                case PropertyId.SharedSubscriptionAvailable: SharedSubscriptionAvailable = reader.Flag(); break;
                case PropertyId.ServerKeepAlive: ServerKeepAlive = reader.UInt16(); break;
                case PropertyId.ResponseInformation: ResponseInformation = reader.Text(); break;
                case PropertyId.ServerReference: ServerReference = reader.Text(); break;
                case PropertyId.AuthenticationMethod: AuthenticationMethod = reader.Text(); break;
                case PropertyId.AuthenticationData: AuthenticationData = reader.Binary(); break;
                default: reader.UserProperty(UserProperties); break;
            }
        }
    }
}
