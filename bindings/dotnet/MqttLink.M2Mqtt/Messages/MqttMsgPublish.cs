using System.Collections;
using System.Text;
using MqttLink.M2Mqtt.Wire;
using nanoFramework.M2Mqtt.Exceptions;

namespace nanoFramework.M2Mqtt.Messages
{
    /// <summary>PUBLISH: a message.</summary>
    public class MqttMsgPublish : MqttMsgBase
    {
        /// <summary>An empty message without a topic.</summary>
        public MqttMsgPublish()
            : base(MqttMessageType.Publish)
        {
            SubscriptionIdentifiers = new ArrayList();
        }

        /// <summary>A message of QoS 0.</summary>
        /// <param name="topic">The topic name.</param>
        /// <param name="message">The payload.</param>
        public MqttMsgPublish(string topic, byte[] message)
            : this(topic, message, false, MqttQoSLevel.AtMostOnce, false)
        {
        }

        /// <summary>A message.</summary>
        /// <param name="topic">The topic name.</param>
        /// <param name="message">The payload.</param>
        /// <param name="dupFlag">Whether it may have been sent before.</param>
        /// <param name="qosLevel">The quality of service.</param>
        /// <param name="retain">Whether the server keeps it.</param>
        public MqttMsgPublish(string topic, byte[] message, bool dupFlag, MqttQoSLevel qosLevel, bool retain)
            : this()
        {
            Topic = topic;
            Message = message;
            DupFlag = dupFlag;
            QosLevel = qosLevel;
            Retain = retain;
        }

        /// <summary>The topic name; empty where <see cref="TopicAlias"/> stands for it.</summary>
        public string Topic { get; set; }

        /// <summary>The payload.</summary>
        public byte[] Message { get; set; }

        /// <summary>Whether the payload is text in UTF-8. MQTT 5.0 only.</summary>
        public bool IsPayloadUTF8 { get; set; }

        /// <summary>After how many seconds the message is of no use; 0 is never. MQTT 5.0 only.</summary>
        public uint MessageExpiryInterval { get; set; }

        /// <summary>The number that stands for the topic; 0 is none. MQTT 5.0 only.</summary>
        public ushort TopicAlias { get; set; }

        /// <summary>Where an answer goes; null if there is none. MQTT 5.0 only.</summary>
        public string ResponseTopic { get; set; }

        /// <summary>What an answer carries to be recognised; null if there is none. MQTT 5.0 only.</summary>
        public byte[] CorrelationData { get; set; }

        /// <summary>The first of the <see cref="SubscriptionIdentifiers"/>; 0 if there is none.</summary>
        public int SubscriptionIdentifier
        {
            get
            {
                return SubscriptionIdentifiers.Count == 0 ? 0 : (int)SubscriptionIdentifiers[0];
            }

            set
            {
                SubscriptionIdentifiers.Clear();
                if (value != 0)
                {
                    SubscriptionIdentifiers.Add(value);
                }
            }
        }

        /// <summary>The identifiers of the subscriptions that brought the message, each an int. MQTT 5.0
        /// only.</summary>
        public ArrayList SubscriptionIdentifiers { get; }

        /// <summary>What the payload is, as a MIME type for instance; null if it is not said. MQTT 5.0 only.</summary>
        public string ContentType { get; set; }

        /// <summary>Reads the rest of a packet from a channel.</summary>
        /// <param name="fixedHeaderFirstByte">Its first byte, which has been read.</param>
        /// <param name="protocolVersion">The protocol version.</param>
        /// <param name="channel">Where the rest comes from.</param>
        /// <returns>The packet.</returns>
        public static MqttMsgPublish Parse(
            byte fixedHeaderFirstByte, MqttProtocolVersion protocolVersion, IMqttNetworkChannel channel)
        {
            PacketReader reader = PacketReader.Receive(fixedHeaderFirstByte, MqttMessageType.Publish, -1, channel);
            MqttMsgPublish message = new MqttMsgPublish();
            message.DupFlag = (fixedHeaderFirstByte & 0x08) != 0;
            message.QosLevel = (MqttQoSLevel)((fixedHeaderFirstByte >> 1) & 0x03);
            message.Retain = (fixedHeaderFirstByte & 0x01) != 0;
            if (message.QosLevel > MqttQoSLevel.ExactlyOnce)
            {
                throw PacketReader.Wrong();
            }

            message.Topic = reader.Text();
            if (message.QosLevel != MqttQoSLevel.AtMostOnce)
            {
                message.MessageId = reader.UInt16();
                if (message.MessageId == 0)
                {
                    throw PacketReader.Wrong();
                }
            }

            if (IsV5(protocolVersion))
            {
                message.ReadProperties(reader);
            }

            message.Message = reader.Bytes(reader.Left);
            message.CheckRead();
            return message;
        }

        /// <summary>Whether a topic name can be published to, and what is wrong with it.</summary>
        internal static void CheckTopic(string topic)
        {
            if (string.IsNullOrEmpty(topic) || Encoding.UTF8.GetByteCount(topic) > ushort.MaxValue)
            {
                throw new MqttClientException(MqttClientErrorCode.TopicLength);
            }

            if (topic.IndexOf('#') >= 0 || topic.IndexOf('+') >= 0)
            {
                throw new MqttClientException(MqttClientErrorCode.TopicWildcard);
            }
        }

        /// <inheritdoc/>
        public override byte[] GetBytes(MqttProtocolVersion protocolVersion)
        {
            bool v5 = IsV5(protocolVersion);
            if (!v5 || TopicAlias == 0 || !string.IsNullOrEmpty(Topic))
            {
                CheckTopic(Topic);
            }

            if (QosLevel < MqttQoSLevel.AtMostOnce || QosLevel > MqttQoSLevel.ExactlyOnce)
            {
                throw new MqttClientException(MqttClientErrorCode.QosNotAllowed);
            }

            PacketWriter body = new PacketWriter();
            body.Text(Topic, "topic");
            if (QosLevel != MqttQoSLevel.AtMostOnce)
            {
                NeedId();
                body.UInt16(MessageId);
            }

            if (v5)
            {
                body.Properties(WriteProperties());
            }

            byte[] payload = Message ?? new byte[0];
            body.Raw(payload, payload.Length);
            int flags = (DupFlag ? 8 : 0) | ((int)QosLevel << 1) | (Retain ? 1 : 0);
            return Limited(body.Packet(MqttMessageType.Publish, flags));
        }

        private PacketWriter WriteProperties()
        {
            PacketWriter properties = new PacketWriter();
            if (IsPayloadUTF8)
            {
                properties.Property(PropertyId.PayloadFormatIndicator, (byte)1);
            }

            if (MessageExpiryInterval > 0)
            {
                properties.Property(PropertyId.MessageExpiryInterval, MessageExpiryInterval);
            }

            if (TopicAlias > 0)
            {
                properties.Property(PropertyId.TopicAlias, TopicAlias);
            }

            properties.Property(PropertyId.ResponseTopic, ResponseTopic);
            properties.Property(PropertyId.CorrelationData, CorrelationData);
            foreach (int identifier in SubscriptionIdentifiers)
            {
                properties.Byte((int)PropertyId.SubscriptionIdentifier);
                properties.VarInt(identifier);
            }

            properties.Property(PropertyId.ContentType, ContentType);
            properties.UserProperties(UserProperties);
            return properties;
        }

        private void ReadProperties(PacketReader reader)
        {
            PropertyId id;
            reader.BeginProperties();
            while (reader.NextProperty(out id, PropertyId.PayloadFormatIndicator, PropertyId.MessageExpiryInterval,
                PropertyId.TopicAlias, PropertyId.ResponseTopic, PropertyId.CorrelationData,
                PropertyId.SubscriptionIdentifier, PropertyId.ContentType, PropertyId.UserProperty))
            {
                switch (id)
                {
                    case PropertyId.PayloadFormatIndicator: IsPayloadUTF8 = reader.Flag(); break;
                    case PropertyId.MessageExpiryInterval: MessageExpiryInterval = reader.UInt32(); break;
                    case PropertyId.TopicAlias: TopicAlias = reader.UInt16(); break;
                    case PropertyId.ResponseTopic: ResponseTopic = reader.Text(); break;
                    case PropertyId.CorrelationData: CorrelationData = reader.Binary(); break;
                    case PropertyId.SubscriptionIdentifier: SubscriptionIdentifiers.Add(reader.VarInt()); break;
                    case PropertyId.ContentType: ContentType = reader.Text(); break;
                    default: reader.UserProperty(UserProperties); break;
                }
            }
        }

        private void CheckRead()
        {
            bool wild = Topic.IndexOf('#') >= 0 || Topic.IndexOf('+') >= 0;
            if (wild || (Topic.Length == 0 && TopicAlias == 0) || SubscriptionIdentifiers.Contains(0))
            {
                throw PacketReader.Wrong();
            }
        }
    }
}
