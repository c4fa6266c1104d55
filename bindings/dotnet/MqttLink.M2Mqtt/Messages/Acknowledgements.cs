using MqttLink.M2Mqtt.Wire;

namespace nanoFramework.M2Mqtt.Messages
{
    /// <summary>What PUBACK, PUBREC, PUBREL and PUBCOMP have in common: an identifier and an outcome.</summary>
    internal static class AckFormat
    {
        internal static byte[] Write(MqttMsgBase message, MqttProtocolVersion version, int flags,
            MqttReasonCode code, PacketWriter properties)
        {
            PacketWriter body = new PacketWriter();
            body.UInt16(message.MessageId);
            if (MqttMsgBase.IsV5(version) && (code != MqttReasonCode.Success || properties.Length > 0))
            {
                body.Byte((int)code);
                if (properties.Length > 0)
                {
                    body.Properties(properties);
                }
            }

            return body.Packet(message.Type, flags);
        }

        /// <summary>Reads identifier, reason code and remarks; code and properties may be left out.</summary>
        internal static void Read(PacketReader reader, MqttMsgBase message, MqttProtocolVersion version,
            out MqttReasonCode code, out string reason)
        {
            code = MqttReasonCode.Success;
            reason = null;
            message.MessageId = reader.UInt16();
            if (message.MessageId == 0)
            {
                throw PacketReader.Wrong();
            }

            if (MqttMsgBase.IsV5(version) && reader.Left > 0)
            {
                code = MqttMsgBase.ReadReason(reader);
                reason = ReadRemarks(reader, message);
            }

            reader.End();
        }

        /// <summary>A list of properties that are remarks only. Returns the reason string.</summary>
        internal static string ReadRemarks(PacketReader reader, MqttMsgBase message)
        {
            string reason = null;
            PropertyId id;
            reader.BeginProperties();
            while (reader.NextProperty(out id, PropertyId.ReasonString, PropertyId.UserProperty))
            {
                if (id == PropertyId.ReasonString)
                {
                    reason = reader.Text();
                }
                else
                {
                    reader.UserProperty(message.UserProperties);
                }
            }

            return reason;
        }
    }

    /// <summary>PUBACK: a message of QoS 1 has been taken, or refused.</summary>
    public class MqttMsgPuback : MqttMsgBase
    {
        /// <summary>Success, for no message yet.</summary>
        public MqttMsgPuback()
            : base(MqttMessageType.PublishAck)
        {
        }

        /// <summary>The outcome. MQTT 5.0 only.</summary>
        public MqttReasonCode ReasonCode { get; set; }

        /// <summary>A remark for people; null if there is none. MQTT 5.0 only.</summary>
        public string Reason { get; set; }

        /// <summary>Reads the rest of a packet from a channel.</summary>
        /// <param name="fixedHeaderFirstByte">Its first byte, which has been read.</param>
        /// <param name="protocolVersion">The protocol version.</param>
        /// <param name="channel">Where the rest comes from.</param>
        /// <returns>The packet.</returns>
        public static MqttMsgPuback Parse(
            byte fixedHeaderFirstByte, MqttProtocolVersion protocolVersion, IMqttNetworkChannel channel)
        {
            int flags = 0;
            PacketReader reader = PacketReader.Receive(
                fixedHeaderFirstByte, MqttMessageType.PublishAck, flags, channel);
            MqttMsgPuback message = new MqttMsgPuback();
            MqttReasonCode code;
            string reason;
            AckFormat.Read(reader, message, protocolVersion, out code, out reason);
            message.ReasonCode = code;
            message.Reason = reason;
            return message;
        }

        /// <inheritdoc/>
        public override byte[] GetBytes(MqttProtocolVersion protocolVersion)
        {
            NeedId();
            PacketWriter properties = new PacketWriter();
            WriteRemarks(properties, Reason, 3);
            return Limited(AckFormat.Write(this, protocolVersion, 0, ReasonCode, properties));
        }
    }

    /// <summary>PUBREC: a message of QoS 2 has been taken, or refused.</summary>
    public class MqttMsgPubrec : MqttMsgBase
    {
        /// <summary>Success, for no message yet.</summary>
        public MqttMsgPubrec()
            : base(MqttMessageType.PublishReceived)
        {
        }

        /// <summary>The outcome. MQTT 5.0 only.</summary>
        public MqttReasonCode ReasonCode { get; set; }

        /// <summary>A remark for people; null if there is none. MQTT 5.0 only.</summary>
        public string Reason { get; set; }

        /// <summary>Reads the rest of a packet from a channel.</summary>
        /// <param name="fixedHeaderFirstByte">Its first byte, which has been read.</param>
        /// <param name="protocolVersion">The protocol version.</param>
        /// <param name="channel">Where the rest comes from.</param>
        /// <returns>The packet.</returns>
        public static MqttMsgPubrec Parse(
            byte fixedHeaderFirstByte, MqttProtocolVersion protocolVersion, IMqttNetworkChannel channel)
        {
            int flags = 0;
            PacketReader reader = PacketReader.Receive(
                fixedHeaderFirstByte, MqttMessageType.PublishReceived, flags, channel);
            MqttMsgPubrec message = new MqttMsgPubrec();
            MqttReasonCode code;
            string reason;
            AckFormat.Read(reader, message, protocolVersion, out code, out reason);
            message.ReasonCode = code;
            message.Reason = reason;
            return message;
        }

        /// <inheritdoc/>
        public override byte[] GetBytes(MqttProtocolVersion protocolVersion)
        {
            NeedId();
            PacketWriter properties = new PacketWriter();
            WriteRemarks(properties, Reason, 3);
            return Limited(AckFormat.Write(this, protocolVersion, 0, ReasonCode, properties));
        }
    }

    /// <summary>PUBREL: the sender of a message of QoS 2 forgets its identifier.</summary>
    public class MqttMsgPubrel : MqttMsgBase
    {
        /// <summary>Success, for no message yet.</summary>
        public MqttMsgPubrel()
            : base(MqttMessageType.PublishRelease)
        {
            QosLevel = MqttQoSLevel.AtLeastOnce;
        }

        /// <summary>The outcome. MQTT 5.0 only.</summary>
        public MqttReasonCode ReasonCode { get; set; }

        /// <summary>A remark for people; null if there is none. MQTT 5.0 only.</summary>
        public string Reason { get; set; }

        /// <summary>Reads the rest of a packet from a channel.</summary>
        /// <param name="fixedHeaderFirstByte">Its first byte, which has been read.</param>
        /// <param name="protocolVersion">The protocol version.</param>
        /// <param name="channel">Where the rest comes from.</param>
        /// <returns>The packet.</returns>
        public static MqttMsgPubrel Parse(
            byte fixedHeaderFirstByte, MqttProtocolVersion protocolVersion, IMqttNetworkChannel channel)
        {
            int flags = protocolVersion == MqttProtocolVersion.Version_3_1 ? -1 : 2;
            PacketReader reader = PacketReader.Receive(
                fixedHeaderFirstByte, MqttMessageType.PublishRelease, flags, channel);
            MqttMsgPubrel message = new MqttMsgPubrel();
            MqttReasonCode code;
            string reason;
            AckFormat.Read(reader, message, protocolVersion, out code, out reason);
            message.ReasonCode = code;
            message.Reason = reason;
            return message;
        }

        /// <inheritdoc/>
        public override byte[] GetBytes(MqttProtocolVersion protocolVersion)
        {
            NeedId();
            PacketWriter properties = new PacketWriter();
            WriteRemarks(properties, Reason, 3);
            return Limited(AckFormat.Write(this, protocolVersion, 2, ReasonCode, properties));
        }
    }

    /// <summary>PUBCOMP: the exchange of a message of QoS 2 is over.</summary>
    public class MqttMsgPubcomp : MqttMsgBase
    {
        /// <summary>Success, for no message yet.</summary>
        public MqttMsgPubcomp()
            : base(MqttMessageType.PublishComplete)
        {
        }

        /// <summary>The outcome. MQTT 5.0 only.</summary>
        public MqttReasonCode ReasonCode { get; set; }

        /// <summary>A remark for people; null if there is none. MQTT 5.0 only.</summary>
        public string Reason { get; set; }

        /// <summary>Reads the rest of a packet from a channel.</summary>
        /// <param name="fixedHeaderFirstByte">Its first byte, which has been read.</param>
        /// <param name="protocolVersion">The protocol version.</param>
        /// <param name="channel">Where the rest comes from.</param>
        /// <returns>The packet.</returns>
        public static MqttMsgPubcomp Parse(
            byte fixedHeaderFirstByte, MqttProtocolVersion protocolVersion, IMqttNetworkChannel channel)
        {
            int flags = 0;
            PacketReader reader = PacketReader.Receive(
                fixedHeaderFirstByte, MqttMessageType.PublishComplete, flags, channel);
            MqttMsgPubcomp message = new MqttMsgPubcomp();
            MqttReasonCode code;
            string reason;
            AckFormat.Read(reader, message, protocolVersion, out code, out reason);
            message.ReasonCode = code;
            message.Reason = reason;
            return message;
        }

        /// <inheritdoc/>
        public override byte[] GetBytes(MqttProtocolVersion protocolVersion)
        {
            NeedId();
            PacketWriter properties = new PacketWriter();
            WriteRemarks(properties, Reason, 3);
            return Limited(AckFormat.Write(this, protocolVersion, 0, ReasonCode, properties));
        }
    }
}
