using System.Text;
using MqttLink.M2Mqtt.Wire;
using nanoFramework.M2Mqtt.Exceptions;

namespace nanoFramework.M2Mqtt.Messages
{
    /// <summary>SUBSCRIBE: a client asks for messages.</summary>
    public class MqttMsgSubscribe : MqttMsgBase
    {
        /// <summary>No topics yet.</summary>
        public MqttMsgSubscribe()
            : base(MqttMessageType.Subscribe)
        {
            QosLevel = MqttQoSLevel.AtLeastOnce;
        }

        /// <summary>With topics and their QoS.</summary>
        /// <param name="topics">The topic filters.</param>
        /// <param name="qosLevels">The highest QoS for each.</param>
        public MqttMsgSubscribe(string[] topics, MqttQoSLevel[] qosLevels)
            : this()
        {
            Topics = topics;
            QoSLevels = qosLevels;
        }

        /// <summary>A number that comes back with each message; 0 for none. MQTT 5.0 only.</summary>
        public int SubscriptionIdentifier { get; set; }

        /// <summary>Which retained messages come at once. MQTT 5.0 only.</summary>
        public MqttRetainHandeling RetainHandeling { get; set; }

        /// <summary><see cref="RetainHandeling"/>, well spelled.</summary>
        public MqttRetainHandeling RetainHandling
        {
            get { return RetainHandeling; }
            set { RetainHandeling = value; }
        }

        /// <summary>Whether messages keep the RETAIN flag of their publisher. MQTT 5.0 only.</summary>
        public bool RetainAsPublished { get; set; }

        /// <summary>Whether messages of this client are left out. MQTT 5.0 only.</summary>
        public bool NoLocal { get; set; }

        /// <summary>The topic filters.</summary>
        public string[] Topics { get; set; }

        /// <summary>The highest QoS for each topic filter.</summary>
        public MqttQoSLevel[] QoSLevels { get; set; }

        /// <summary>Reads the rest of a packet from a channel. Options are those of the last filter.</summary>
        /// <param name="fixedHeaderFirstByte">Its first byte, which has been read.</param>
        /// <param name="protocolVersion">The protocol version.</param>
        /// <param name="channel">Where the rest comes from.</param>
        /// <returns>The packet.</returns>
        public static MqttMsgSubscribe Parse(
            byte fixedHeaderFirstByte, MqttProtocolVersion protocolVersion, IMqttNetworkChannel channel)
        {
            int flags = protocolVersion == MqttProtocolVersion.Version_3_1 ? -1 : 2;
            PacketReader reader = PacketReader.Receive(
                fixedHeaderFirstByte, MqttMessageType.Subscribe, flags, channel);
            MqttMsgSubscribe message = new MqttMsgSubscribe();
            message.MessageId = reader.UInt16();
            if (IsV5(protocolVersion))
            {
                message.ReadProperties(reader);
            }

            System.Collections.Generic.List<string> topics = new System.Collections.Generic.List<string>();
            System.Collections.Generic.List<MqttQoSLevel> levels =
                new System.Collections.Generic.List<MqttQoSLevel>();
            while (reader.Left > 0)
            {
                topics.Add(reader.Text());
                levels.Add(message.ReadOptions(reader.Byte(), IsV5(protocolVersion)));
            }

            if (topics.Count == 0 || message.MessageId == 0)
            {
                throw PacketReader.Wrong();
            }

            message.Topics = topics.ToArray();
            message.QoSLevels = levels.ToArray();
            return message;
        }

        /// <summary>What is wrong with a list of filters and QoS.</summary>
        internal static void Check(string[] topics, MqttQoSLevel[] qosLevels)
        {
            CheckFilters(topics);
            if (qosLevels == null || qosLevels.Length == 0)
            {
                throw new MqttClientException(MqttClientErrorCode.QosLevelsEmpty);
            }

            if (topics.Length != qosLevels.Length)
            {
                throw new MqttClientException(MqttClientErrorCode.TopicsQosLevelsNotMatch);
            }

            foreach (MqttQoSLevel level in qosLevels)
            {
                if (level < MqttQoSLevel.AtMostOnce || level > MqttQoSLevel.ExactlyOnce)
                {
                    throw new MqttClientException(MqttClientErrorCode.QosNotAllowed);
                }
            }
        }

        /// <summary>What is wrong with a list of filters.</summary>
        internal static void CheckFilters(string[] topics)
        {
            if (topics == null || topics.Length == 0)
            {
                throw new MqttClientException(MqttClientErrorCode.TopicsEmpty);
            }

            foreach (string topic in topics)
            {
                if (string.IsNullOrEmpty(topic) || Encoding.UTF8.GetByteCount(topic) > ushort.MaxValue)
                {
                    throw new MqttClientException(MqttClientErrorCode.TopicLength);
                }

                CheckWildcards(topic);
            }
        }

        /// <inheritdoc/>
        public override byte[] GetBytes(MqttProtocolVersion protocolVersion)
        {
            Check(Topics, QoSLevels);
            NeedId();
            PacketWriter body = new PacketWriter();
            body.UInt16(MessageId);
            int options = 0;
            if (IsV5(protocolVersion))
            {
                PacketWriter properties = new PacketWriter();
                if (SubscriptionIdentifier > 0)
                {
                    properties.Byte((int)PropertyId.SubscriptionIdentifier);
                    properties.VarInt(SubscriptionIdentifier);
                }

                properties.UserProperties(UserProperties);
                body.Properties(properties);
                options = (NoLocal ? 4 : 0) | (RetainAsPublished ? 8 : 0) | ((int)RetainHandeling << 4);
            }

            for (int i = 0; i < Topics.Length; i++)
            {
                body.Text(Topics[i], "topic filter");
                body.Byte((int)QoSLevels[i] | options);
            }

            return Limited(body.Packet(MqttMessageType.Subscribe, 2));
        }

        /// <summary>A # is the last level, and a + a whole one (section 4.7.1).</summary>
        private static void CheckWildcards(string filter)
        {
            string[] levels = filter.Split('/');
            for (int i = 0; i < levels.Length; i++)
            {
                bool hash = levels[i].IndexOf('#') >= 0;
                bool plus = levels[i].IndexOf('+') >= 0;
                bool wrong = levels[i].Length > 1 ? hash || plus : hash && i < levels.Length - 1;
                if (wrong)
                {
                    throw new MqttClientException(MqttClientErrorCode.TopicWildcard,
                        "the filter '" + filter + "' is wrong: # stands alone at the end, + is a whole level");
                }
            }
        }

        private MqttQoSLevel ReadOptions(byte options, bool v5)
        {
            if ((options & 3) == 3 || (options & (v5 ? 0xC0 : 0xFC)) != 0 || (options & 0x30) == 0x30)
            {
                throw PacketReader.Wrong();
            }

            NoLocal = (options & 4) != 0;
            RetainAsPublished = (options & 8) != 0;
            RetainHandeling = (MqttRetainHandeling)(options >> 4);
            return (MqttQoSLevel)(options & 3);
        }

        private void ReadProperties(PacketReader reader)
        {
            PropertyId id;
            reader.BeginProperties();
            while (reader.NextProperty(out id, PropertyId.SubscriptionIdentifier, PropertyId.UserProperty))
            {
                if (id == PropertyId.UserProperty)
                {
                    reader.UserProperty(UserProperties);
                }
                else if (SubscriptionIdentifier != 0 || (SubscriptionIdentifier = reader.VarInt()) == 0)
                {
                    throw PacketReader.Wrong();
                }
            }
        }
    }

    /// <summary>SUBACK: the server's answer to a subscription.</summary>
    public class MqttMsgSuback : MqttMsgBase
    {
        /// <summary>No results yet.</summary>
        public MqttMsgSuback()
            : base(MqttMessageType.SubscribeAck)
        {
        }

        /// <summary>What was granted, for each topic filter; <see cref="MqttQoSLevel.GrantedFailure"/> where the
        /// server refused.</summary>
        public MqttQoSLevel[] GrantedQoSLevels { get; set; }

        /// <summary>The result for each topic filter.</summary>
        public MqttReasonCode[] ReasonCodes { get; set; }

        /// <summary>A remark for people; null if there is none. MQTT 5.0 only.</summary>
        public string Reason { get; set; }

        /// <summary>Reads the rest of a packet from a channel.</summary>
        /// <param name="fixedHeaderFirstByte">Its first byte, which has been read.</param>
        /// <param name="protocolVersion">The protocol version.</param>
        /// <param name="channel">Where the rest comes from.</param>
        /// <returns>The packet.</returns>
        public static MqttMsgSuback Parse(
            byte fixedHeaderFirstByte, MqttProtocolVersion protocolVersion, IMqttNetworkChannel channel)
        {
            PacketReader reader = PacketReader.Receive(
                fixedHeaderFirstByte, MqttMessageType.SubscribeAck, 0, channel);
            MqttMsgSuback message = new MqttMsgSuback();
            message.MessageId = reader.UInt16();
            message.Reason = IsV5(protocolVersion) ? AckFormat.ReadRemarks(reader, message) : null;
            byte[] codes = reader.Bytes(reader.Left);
            message.SetResults(System.Array.ConvertAll(codes, code => (int)code));
            if (codes.Length == 0 || message.MessageId == 0)
            {
                throw PacketReader.Wrong();
            }

            return message;
        }

        internal static MqttQoSLevel Granted(int code)
        {
            return code >= 0x80 ? MqttQoSLevel.GrantedFailure : (MqttQoSLevel)code;
        }

        internal void SetResults(int[] codes)
        {
            ReasonCodes = System.Array.ConvertAll(codes, code => (MqttReasonCode)code);
            GrantedQoSLevels = System.Array.ConvertAll(codes, Granted);
        }

        /// <inheritdoc/>
        public override byte[] GetBytes(MqttProtocolVersion protocolVersion)
        {
            NeedId();
            PacketWriter body = new PacketWriter();
            body.UInt16(MessageId);
            int results = ReasonCodes != null ? ReasonCodes.Length : (GrantedQoSLevels ?? new MqttQoSLevel[0]).Length;
            if (IsV5(protocolVersion))
            {
                PacketWriter properties = new PacketWriter();
                WriteRemarks(properties, Reason, 2 + results);
                body.Properties(properties);
            }

            for (int i = 0; i < results; i++)
            {
                body.Byte(ReasonCodes != null ? (int)ReasonCodes[i] : (int)GrantedQoSLevels[i]);
            }

            return Limited(body.Packet(MqttMessageType.SubscribeAck, 0));
        }
    }

    /// <summary>UNSUBSCRIBE: a client ends subscriptions.</summary>
    public class MqttMsgUnsubscribe : MqttMsgBase
    {
        /// <summary>No topics yet.</summary>
        public MqttMsgUnsubscribe()
            : base(MqttMessageType.Unsubscribe)
        {
            QosLevel = MqttQoSLevel.AtLeastOnce;
        }

        /// <summary>With topics.</summary>
        /// <param name="topics">The topic filters, as they were subscribed to.</param>
        public MqttMsgUnsubscribe(string[] topics)
            : this()
        {
            Topics = topics;
        }

        /// <summary>The topic filters.</summary>
        public string[] Topics { get; set; }

        /// <summary>Reads the rest of a packet from a channel.</summary>
        /// <param name="fixedHeaderFirstByte">Its first byte, which has been read.</param>
        /// <param name="protocolVersion">The protocol version.</param>
        /// <param name="channel">Where the rest comes from.</param>
        /// <returns>The packet.</returns>
        public static MqttMsgUnsubscribe Parse(
            byte fixedHeaderFirstByte, MqttProtocolVersion protocolVersion, IMqttNetworkChannel channel)
        {
            int flags = protocolVersion == MqttProtocolVersion.Version_3_1 ? -1 : 2;
            PacketReader reader = PacketReader.Receive(
                fixedHeaderFirstByte, MqttMessageType.Unsubscribe, flags, channel);
            MqttMsgUnsubscribe message = new MqttMsgUnsubscribe();
            message.MessageId = reader.UInt16();
            if (IsV5(protocolVersion))
            {
                PropertyId id;
                reader.BeginProperties();
                while (reader.NextProperty(out id, PropertyId.UserProperty))
                {
                    reader.UserProperty(message.UserProperties);
                }
            }

            System.Collections.Generic.List<string> topics = new System.Collections.Generic.List<string>();
            while (reader.Left > 0)
            {
                topics.Add(reader.Text());
            }

            if (topics.Count == 0 || message.MessageId == 0)
            {
                throw PacketReader.Wrong();
            }

            message.Topics = topics.ToArray();
            return message;
        }

        /// <inheritdoc/>
        public override byte[] GetBytes(MqttProtocolVersion protocolVersion)
        {
            MqttMsgSubscribe.CheckFilters(Topics);
            NeedId();
            PacketWriter body = new PacketWriter();
            body.UInt16(MessageId);
            if (IsV5(protocolVersion))
            {
                PacketWriter properties = new PacketWriter();
                properties.UserProperties(UserProperties);
                body.Properties(properties);
            }

            foreach (string topic in Topics)
            {
                body.Text(topic, "topic filter");
            }

            return Limited(body.Packet(MqttMessageType.Unsubscribe, 2));
        }
    }

    /// <summary>UNSUBACK: the server's answer to the end of a subscription.</summary>
    public class MqttMsgUnsuback : MqttMsgBase
    {
        /// <summary>Success, for no request yet.</summary>
        public MqttMsgUnsuback()
            : base(MqttMessageType.UnsubscribeAck)
        {
            ReasonCodes = new MqttReasonCode[0];
        }

        /// <summary>The first result; <see cref="ReasonCodes"/> has one for each topic filter. MQTT 5.0
        /// only.</summary>
        public MqttReasonCode ReasonCode
        {
            get { return ReasonCodes.Length == 0 ? MqttReasonCode.Success : ReasonCodes[0]; }
            set { ReasonCodes = new[] { value }; }
        }

        /// <summary>The result for each topic filter; empty before MQTT 5.0.</summary>
        public MqttReasonCode[] ReasonCodes { get; set; }

        /// <summary>A remark for people; null if there is none. MQTT 5.0 only.</summary>
        public string Reason { get; set; }

        /// <summary>Reads the rest of a packet from a channel.</summary>
        /// <param name="fixedHeaderFirstByte">Its first byte, which has been read.</param>
        /// <param name="protocolVersion">The protocol version.</param>
        /// <param name="channel">Where the rest comes from.</param>
        /// <returns>The packet.</returns>
        public static MqttMsgUnsuback Parse(
            byte fixedHeaderFirstByte, MqttProtocolVersion protocolVersion, IMqttNetworkChannel channel)
        {
            PacketReader reader = PacketReader.Receive(
                fixedHeaderFirstByte, MqttMessageType.UnsubscribeAck, 0, channel);
            MqttMsgUnsuback message = new MqttMsgUnsuback();
            message.MessageId = reader.UInt16();
            if (IsV5(protocolVersion))
            {
                message.Reason = AckFormat.ReadRemarks(reader, message);
                byte[] codes = reader.Bytes(reader.Left);
                message.ReasonCodes = System.Array.ConvertAll(codes, code => (MqttReasonCode)code);
            }

            reader.End();
            return message;
        }

        /// <inheritdoc/>
        public override byte[] GetBytes(MqttProtocolVersion protocolVersion)
        {
            NeedId();
            PacketWriter body = new PacketWriter();
            body.UInt16(MessageId);
            if (IsV5(protocolVersion))
            {
                MqttReasonCode[] codes = ReasonCodes.Length > 0 ? ReasonCodes : new[] { MqttReasonCode.Success };
                PacketWriter properties = new PacketWriter();
                WriteRemarks(properties, Reason, 2 + codes.Length);
                body.Properties(properties);
                foreach (MqttReasonCode code in codes)
                {
                    body.Byte((int)code);
                }
            }

            return Limited(body.Packet(MqttMessageType.UnsubscribeAck, 0));
        }
    }
}
