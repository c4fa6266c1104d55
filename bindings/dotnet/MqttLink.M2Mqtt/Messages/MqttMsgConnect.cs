using System.Text;
using MqttLink.M2Mqtt.Wire;
using nanoFramework.M2Mqtt.Exceptions;

namespace nanoFramework.M2Mqtt.Messages
{
    /// <summary>CONNECT: a client asks for a connection.</summary>
    public class MqttMsgConnect : MqttMsgBase
    {
        private bool? requestProblemInformation;

        /// <summary>A clean session, no will, no credentials, keep alive of 60 s, MQTT 3.1.1.</summary>
        public MqttMsgConnect()
            : base(MqttMessageType.Connect)
        {
            ProtocolVersion = MqttProtocolVersion.Version_3_1_1;
            ProtocolName = "MQTT";
            CleanSession = true;
            KeepAlivePeriod = 60;
            ReceiveMaximum = ushort.MaxValue;
        }

        /// <summary>With a client identifier.</summary>
        /// <param name="clientId">The client identifier.</param>
        public MqttMsgConnect(string clientId)
            : this()
        {
            ClientId = clientId;
        }

        /// <summary>With everything that all versions know.</summary>
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
        /// <param name="protocolVersion">The protocol version.</param>
        public MqttMsgConnect(string clientId, string username, string password, bool willRetain,
            MqttQoSLevel willQosLevel, bool willFlag, string willTopic, string willMessage, bool cleanSession,
            ushort keepAlivePeriod, MqttProtocolVersion protocolVersion)
            : this(clientId)
        {
            Username = username;
            Password = password;
            WillRetain = willRetain;
            WillQosLevel = (byte)willQosLevel;
            WillFlag = willFlag;
            WillTopic = willTopic;
            WillMessage = willMessage;
            CleanSession = cleanSession;
            KeepAlivePeriod = keepAlivePeriod;
            ProtocolVersion = protocolVersion;
            ProtocolName = NameOf(protocolVersion);
        }

        /// <summary>The protocol's name: <c>MQTT</c>, or <c>MQIsdp</c> in MQTT 3.1.</summary>
        public string ProtocolName { get; set; }

        /// <summary>The protocol version.</summary>
        public MqttProtocolVersion ProtocolVersion { get; set; }

        /// <summary>The client identifier.</summary>
        public string ClientId { get; set; }

        /// <summary>Whether the server keeps the will.</summary>
        public bool WillRetain { get; set; }

        /// <summary>The will's quality of service.</summary>
        public byte WillQosLevel { get; set; }

        /// <summary>Whether there is a will.</summary>
        public bool WillFlag { get; set; }

        /// <summary>The will's topic.</summary>
        public string WillTopic { get; set; }

        /// <summary>The will's payload as text; see <see cref="WillPayload"/> for bytes.</summary>
        public string WillMessage
        {
            get { return WillPayload == null ? null : Encoding.UTF8.GetString(WillPayload); }
            set { WillPayload = value == null ? null : Encoding.UTF8.GetBytes(value); }
        }

        /// <summary>The will's payload, which may be empty.</summary>
        public byte[] WillPayload { get; set; }

        /// <summary>What travels with the will; null for nothing. Only the properties that a will has count. MQTT
        /// 5.0 only.</summary>
        public MqttMsgPublish WillProperties { get; set; }

        /// <summary>The user name; null for none.</summary>
        public string Username { get; set; }

        /// <summary>The password; null for none.</summary>
        public string Password { get; set; }

        /// <summary>Whether a new session begins.</summary>
        public bool CleanSession { get; set; }

        /// <summary>The longest silence, in seconds; 0 for no limit.</summary>
        public ushort KeepAlivePeriod { get; set; }

        /// <summary>How many seconds the session outlives the connection. MQTT 5.0 only.</summary>
        public uint SessionExpiryInterval { get; set; }

        /// <summary>How many messages of QoS 1 and 2 may await this side's acknowledgement. MQTT 5.0 only.</summary>
        public ushort ReceiveMaximum { get; set; }

        /// <summary>How many topic aliases this side takes. MQTT 5.0 only.</summary>
        public ushort TopicAliasMaximum { get; set; }

        /// <summary>Whether the server is asked for the basis of response topics. MQTT 5.0 only.</summary>
        public bool RequestResponseInformation { get; set; }

        /// <summary>Whether the server may explain failures. MQTT 5.0 only. As long as it has not been set it is
        /// not sent, which lets the server explain.</summary>
        public bool RequestProblemInformation
        {
            get { return requestProblemInformation ?? false; }
            set { requestProblemInformation = value; }
        }

        /// <summary>As <see cref="RequestProblemInformation"/>; null if it has not been set.</summary>
        internal bool? ProblemInformation
        {
            get { return requestProblemInformation; }
            set { requestProblemInformation = value; }
        }

        /// <summary>The authentication method; null for none. MQTT 5.0 only.</summary>
        public string AuthenticationMethod { get; set; }

        /// <summary>The authentication data; null for none. MQTT 5.0 only.</summary>
        public byte[] AuthenticationData { get; set; }

        /// <summary>How many seconds after the end of the connection the will is published. MQTT 5.0 only.</summary>
        public uint WillDelayInterval { get; set; }

        /// <summary>Reads the rest of a packet from a channel.</summary>
        /// <param name="fixedHeaderFirstByte">Its first byte, which has been read.</param>
        /// <param name="protocolVersion">Not looked at: the packet says it.</param>
        /// <param name="channel">Where the rest comes from.</param>
        /// <returns>The packet.</returns>
        public static MqttMsgConnect Parse(
            byte fixedHeaderFirstByte, MqttProtocolVersion protocolVersion, IMqttNetworkChannel channel)
        {
            PacketReader reader = PacketReader.Receive(fixedHeaderFirstByte, MqttMessageType.Connect, 0, channel);
            MqttMsgConnect message = new MqttMsgConnect();
            message.ProtocolName = reader.Text();
            message.ProtocolVersion = (MqttProtocolVersion)reader.Byte();
            if (message.ProtocolVersion < MqttProtocolVersion.Version_3_1
                || message.ProtocolVersion > MqttProtocolVersion.Version_5
                || message.ProtocolName != NameOf(message.ProtocolVersion))
            {
                throw new MqttClientException(MqttClientErrorCode.InvalidProtocolName);
            }

            int flags = reader.Byte();
            message.CleanSession = (flags & 0x02) != 0;
            message.WillFlag = (flags & 0x04) != 0;
            message.WillQosLevel = (byte)((flags >> 3) & 0x03);
            message.WillRetain = (flags & 0x20) != 0;
            message.CheckFlags(flags);
            message.KeepAlivePeriod = reader.UInt16();
            message.ReadPayload(reader, flags);
            return message;
        }

        internal static string NameOf(MqttProtocolVersion version)
        {
            return version == MqttProtocolVersion.Version_3_1 ? "MQIsdp" : "MQTT";
        }

        /// <inheritdoc/>
        public override byte[] GetBytes(MqttProtocolVersion protocolVersion)
        {
            bool v5 = IsV5(protocolVersion);
            Check(v5);
            PacketWriter body = new PacketWriter();
            body.Text(NameOf(protocolVersion), "protocol name");
            body.Byte((int)protocolVersion);
            body.Byte((Username != null ? 0x80 : 0) | (Password != null ? 0x40 : 0)
                | (WillFlag ? (WillRetain ? 0x20 : 0) | (WillQosLevel << 3) | 0x04 : 0)
                | (CleanSession ? 0x02 : 0));
            body.UInt16(KeepAlivePeriod);
            if (v5)
            {
                body.Properties(WriteProperties());
            }

            body.Text(ClientId, "client identifier");
            if (WillFlag)
            {
                if (v5)
                {
                    body.Properties(WriteWillProperties());
                }

                body.Text(WillTopic, "will topic");
                body.Binary(WillPayload, "will message");
            }

            if (Username != null)
            {
                body.Text(Username, "user name");
            }

            if (Password != null)
            {
                body.Text(Password, "password");
            }

            return body.Packet(MqttMessageType.Connect, 0);
        }

        private void Check(bool v5)
        {
            if (WillFlag && (string.IsNullOrEmpty(WillTopic) || WillPayload == null || WillQosLevel > 2))
            {
                throw new MqttClientException(MqttClientErrorCode.WillWrong);
            }

            if (!v5 && string.IsNullOrEmpty(ClientId) && !CleanSession)
            {
                throw new MqttClientException(MqttClientErrorCode.InvalidClientId);
            }

            if (!v5 && Password != null && Username == null)
            {
                throw new MqttClientException(MqttClientErrorCode.InvalidConnectFlags);
            }
        }

        private void CheckFlags(int flags)
        {
            bool willWrong = WillFlag ? WillQosLevel > 2 : WillQosLevel > 0 || WillRetain;
            bool passwordAlone = (flags & 0xC0) == 0x40 && !IsV5(ProtocolVersion);
            if ((flags & 0x01) != 0 || willWrong || passwordAlone)
            {
                throw new MqttClientException(MqttClientErrorCode.InvalidConnectFlags);
            }
        }

        private void ReadPayload(PacketReader reader, int flags)
        {
            if (IsV5(ProtocolVersion))
            {
                ReadProperties(reader);
            }

            ClientId = reader.Text();
            if (WillFlag)
            {
                if (IsV5(ProtocolVersion))
                {
                    ReadWillProperties(reader);
                }

                WillTopic = reader.Text();
                WillPayload = reader.Binary();
            }

            Username = (flags & 0x80) != 0 ? reader.Text() : null;
            Password = (flags & 0x40) != 0 ? Encoding.UTF8.GetString(reader.Binary()) : null;
            reader.End();
        }

        private PacketWriter WriteProperties()
        {
            PacketWriter properties = new PacketWriter();
            if (SessionExpiryInterval > 0)
            {
                properties.Property(PropertyId.SessionExpiryInterval, SessionExpiryInterval);
            }

            if (ReceiveMaximum != ushort.MaxValue)
            {
                properties.Property(PropertyId.ReceiveMaximum, ReceiveMaximum);
            }

            if (MaximumPacketSize > 0)
            {
                properties.Property(PropertyId.MaximumPacketSize, MaximumPacketSize);
            }

            if (TopicAliasMaximum > 0)
            {
                properties.Property(PropertyId.TopicAliasMaximum, TopicAliasMaximum);
            }

            if (RequestResponseInformation)
            {
                properties.Property(PropertyId.RequestResponseInformation, (byte)1);
            }

            if (requestProblemInformation.HasValue)
            {
                properties.Property(
                    PropertyId.RequestProblemInformation, (byte)(RequestProblemInformation ? 1 : 0));
            }

            properties.Property(PropertyId.AuthenticationMethod, AuthenticationMethod);
            properties.Property(PropertyId.AuthenticationData, AuthenticationData);
            properties.UserProperties(UserProperties);
            return properties;
        }

        private PacketWriter WriteWillProperties()
        {
            PacketWriter properties = new PacketWriter();
            if (WillDelayInterval > 0)
            {
                properties.Property(PropertyId.WillDelayInterval, WillDelayInterval);
            }

            MqttMsgPublish will = WillProperties ?? new MqttMsgPublish();
            if (will.IsPayloadUTF8)
            {
                properties.Property(PropertyId.PayloadFormatIndicator, (byte)1);
            }

            if (will.MessageExpiryInterval > 0)
            {
                properties.Property(PropertyId.MessageExpiryInterval, will.MessageExpiryInterval);
            }

            properties.Property(PropertyId.ContentType, will.ContentType);
            properties.Property(PropertyId.ResponseTopic, will.ResponseTopic);
            properties.Property(PropertyId.CorrelationData, will.CorrelationData);
            properties.UserProperties(will.UserProperties);
            return properties;
        }

        private void ReadProperties(PacketReader reader)
        {
            PropertyId id;
            reader.BeginProperties();
            while (reader.NextProperty(out id, PropertyId.SessionExpiryInterval, PropertyId.ReceiveMaximum,
                PropertyId.MaximumPacketSize, PropertyId.TopicAliasMaximum, PropertyId.RequestResponseInformation,
                PropertyId.RequestProblemInformation, PropertyId.AuthenticationMethod,
                PropertyId.AuthenticationData, PropertyId.UserProperty))
            {
                switch (id)
                {
                    case PropertyId.SessionExpiryInterval: SessionExpiryInterval = reader.UInt32(); break;
                    case PropertyId.ReceiveMaximum: ReceiveMaximum = reader.UInt16(); break;
                    case PropertyId.MaximumPacketSize: MaximumPacketSize = reader.UInt32(); break;
                    case PropertyId.TopicAliasMaximum: TopicAliasMaximum = reader.UInt16(); break;
                    case PropertyId.RequestResponseInformation: RequestResponseInformation = reader.Flag(); break;
                    case PropertyId.RequestProblemInformation: RequestProblemInformation = reader.Flag(); break;
                    case PropertyId.AuthenticationMethod: AuthenticationMethod = reader.Text(); break;
                    case PropertyId.AuthenticationData: AuthenticationData = reader.Binary(); break;
                    default: reader.UserProperty(UserProperties); break;
                }
            }
        }

        private void ReadWillProperties(PacketReader reader)
        {
            MqttMsgPublish will = new MqttMsgPublish();
            PropertyId id;
            reader.BeginProperties();
            while (reader.NextProperty(out id, PropertyId.WillDelayInterval, PropertyId.PayloadFormatIndicator,
                PropertyId.MessageExpiryInterval, PropertyId.ContentType, PropertyId.ResponseTopic,
                PropertyId.CorrelationData, PropertyId.UserProperty))
            {
                switch (id)
                {
                    case PropertyId.WillDelayInterval: WillDelayInterval = reader.UInt32(); break;
                    case PropertyId.PayloadFormatIndicator: will.IsPayloadUTF8 = reader.Flag(); break;
                    case PropertyId.MessageExpiryInterval: will.MessageExpiryInterval = reader.UInt32(); break;
                    case PropertyId.ContentType: will.ContentType = reader.Text(); break;
                    case PropertyId.ResponseTopic: will.ResponseTopic = reader.Text(); break;
                    case PropertyId.CorrelationData: will.CorrelationData = reader.Binary(); break;
                    default: reader.UserProperty(will.UserProperties); break;
                }
            }

            WillProperties = will;
        }
    }
}
