using MqttLink.M2Mqtt.Wire;

namespace nanoFramework.M2Mqtt.Messages
{
    /// <summary>PINGREQ: a client asks whether the server is there.</summary>
    public class MqttMsgPingReq : MqttMsgBase
    {
        /// <summary>A PINGREQ.</summary>
        public MqttMsgPingReq()
            : base(MqttMessageType.PingRequest)
        {
        }

        /// <summary>Reads the rest of a packet from a channel.</summary>
        /// <param name="fixedHeaderFirstByte">Its first byte, which has been read.</param>
        /// <param name="protocolVersion">The protocol version.</param>
        /// <param name="channel">Where the rest comes from.</param>
        /// <returns>The packet.</returns>
        public static MqttMsgPingReq Parse(
            byte fixedHeaderFirstByte, MqttProtocolVersion protocolVersion, IMqttNetworkChannel channel)
        {
            PacketReader.Receive(fixedHeaderFirstByte, MqttMessageType.PingRequest, 0, channel).End();
            return new MqttMsgPingReq();
        }

        /// <inheritdoc/>
        public override byte[] GetBytes(MqttProtocolVersion protocolVersion)
        {
            return new PacketWriter().Packet(MqttMessageType.PingRequest, 0);
        }
    }

    /// <summary>PINGRESP: the server is there.</summary>
    public class MqttMsgPingResp : MqttMsgBase
    {
        /// <summary>A PINGRESP.</summary>
        public MqttMsgPingResp()
            : base(MqttMessageType.PingResponse)
        {
        }

        /// <summary>Reads the rest of a packet from a channel.</summary>
        /// <param name="fixedHeaderFirstByte">Its first byte, which has been read.</param>
        /// <param name="protocolVersion">The protocol version.</param>
        /// <param name="channel">Where the rest comes from.</param>
        /// <returns>The packet.</returns>
        public static MqttMsgPingResp Parse(
            byte fixedHeaderFirstByte, MqttProtocolVersion protocolVersion, IMqttNetworkChannel channel)
        {
            PacketReader.Receive(fixedHeaderFirstByte, MqttMessageType.PingResponse, 0, channel).End();
            return new MqttMsgPingResp();
        }

        /// <inheritdoc/>
        public override byte[] GetBytes(MqttProtocolVersion protocolVersion)
        {
            return new PacketWriter().Packet(MqttMessageType.PingResponse, 0);
        }
    }

    /// <summary>DISCONNECT: one side ends the connection; the server in MQTT 5.0 only.</summary>
    public class MqttMsgDisconnect : MqttMsgBase
    {
        /// <summary>A normal end.</summary>
        public MqttMsgDisconnect()
            : base(MqttMessageType.Disconnect)
        {
        }

        /// <summary>How many seconds the session outlives the connection; 0 leaves it as it was. MQTT 5.0
        /// only.</summary>
        public uint SessionExpiryInterval { get; set; }

        /// <summary>A remark for people; null if there is none. MQTT 5.0 only.</summary>
        public string Reason { get; set; }

        /// <summary>Where else to connect; null if the server did not say. MQTT 5.0 only.</summary>
        public string ServerReference { get; set; }

        /// <summary>Why. MQTT 5.0 only.</summary>
        public MqttReasonCode ResonCode { get; set; }

        /// <summary><see cref="ResonCode"/>, well spelled.</summary>
        public MqttReasonCode ReasonCode
        {
            get { return ResonCode; }
            set { ResonCode = value; }
        }

        /// <summary>Reads the rest of a packet from a channel.</summary>
        /// <param name="fixedHeaderFirstByte">Its first byte, which has been read.</param>
        /// <param name="protocolVersion">The protocol version.</param>
        /// <param name="channel">Where the rest comes from.</param>
        /// <returns>The packet.</returns>
        public static MqttMsgDisconnect Parse(
            byte fixedHeaderFirstByte, MqttProtocolVersion protocolVersion, IMqttNetworkChannel channel)
        {
            PacketReader reader = PacketReader.Receive(
                fixedHeaderFirstByte, MqttMessageType.Disconnect, 0, channel);
            MqttMsgDisconnect message = new MqttMsgDisconnect();
            if (IsV5(protocolVersion) && reader.Left > 0)
            {
                message.ResonCode = ReadReason(reader);
                message.ReadProperties(reader);
            }

            reader.End();
            return message;
        }

        /// <inheritdoc/>
        public override byte[] GetBytes(MqttProtocolVersion protocolVersion)
        {
            PacketWriter body = new PacketWriter();
            if (IsV5(protocolVersion))
            {
                PacketWriter properties = new PacketWriter();
                if (SessionExpiryInterval > 0)
                {
                    properties.Property(PropertyId.SessionExpiryInterval, SessionExpiryInterval);
                }

                properties.Property(PropertyId.ServerReference, ServerReference);
                WriteRemarks(properties, Reason, 1);
                if (properties.Length > 0 || ResonCode != MqttReasonCode.NormalDisconnection)
                {
                    body.Byte((int)ResonCode);
                    body.Properties(properties);
                }
            }

            return Limited(body.Packet(MqttMessageType.Disconnect, 0));
        }

        private void ReadProperties(PacketReader reader)
        {
            PropertyId id;
            reader.BeginProperties();
            while (reader.NextProperty(out id, PropertyId.SessionExpiryInterval, PropertyId.ReasonString,
                PropertyId.ServerReference, PropertyId.UserProperty))
            {
                switch (id)
                {
                    case PropertyId.SessionExpiryInterval: SessionExpiryInterval = reader.UInt32(); break;
                    case PropertyId.ReasonString: Reason = reader.Text(); break;
                    case PropertyId.ServerReference: ServerReference = reader.Text(); break;
                    default: reader.UserProperty(UserProperties); break;
                }
            }
        }
    }

    /// <summary>AUTH: one step of an authentication exchange (MQTT 5.0, section 3.15).</summary>
    public class MqttMsgAuthentication : MqttMsgBase
    {
        /// <summary>A success without data.</summary>
        public MqttMsgAuthentication()
            : base(MqttMessageType.Authentication)
        {
        }

        /// <summary>The authentication method.</summary>
        public string AuthenticationMethod { get; set; }

        /// <summary>The data; null if there are none.</summary>
        public byte[] AuthenticationData { get; set; }

        /// <summary>A remark for people; null if there is none.</summary>
        public string Reason { get; set; }

        /// <summary>Whether the exchange goes on, begins anew, or is over.</summary>
        public MqttReasonCode ReasonCode { get; set; }

        /// <summary>Reads the rest of a packet from a channel.</summary>
        /// <param name="fixedHeaderFirstByte">Its first byte, which has been read.</param>
        /// <param name="protocolVersion">The protocol version; the packet exists in MQTT 5.0 only.</param>
        /// <param name="channel">Where the rest comes from.</param>
        /// <returns>The packet.</returns>
        public static MqttMsgAuthentication Parse(
            byte fixedHeaderFirstByte, MqttProtocolVersion protocolVersion, IMqttNetworkChannel channel)
        {
            PacketReader reader = PacketReader.Receive(
                fixedHeaderFirstByte, MqttMessageType.Authentication, 0, channel);
            if (!IsV5(protocolVersion))
            {
                throw PacketReader.Wrong();
            }

            MqttMsgAuthentication message = new MqttMsgAuthentication();
            if (reader.Left > 0)
            {
                message.ReasonCode = ReadReason(reader);
                message.ReadProperties(reader);
            }

            reader.End();
            return message;
        }

        /// <inheritdoc/>
        public override byte[] GetBytes(MqttProtocolVersion protocolVersion)
        {
            PacketWriter body = new PacketWriter();
            PacketWriter properties = new PacketWriter();
            properties.Property(PropertyId.AuthenticationMethod, AuthenticationMethod);
            properties.Property(PropertyId.AuthenticationData, AuthenticationData);
            WriteRemarks(properties, Reason, 1);
            if (properties.Length > 0 || ReasonCode != MqttReasonCode.Success)
            {
                body.Byte((int)ReasonCode);
                body.Properties(properties);
            }

            return Limited(body.Packet(MqttMessageType.Authentication, 0));
        }

        private void ReadProperties(PacketReader reader)
        {
            PropertyId id;
            reader.BeginProperties();
            while (reader.NextProperty(out id, PropertyId.AuthenticationMethod, PropertyId.AuthenticationData,
                PropertyId.ReasonString, PropertyId.UserProperty))
            {
                switch (id)
                {
                    case PropertyId.AuthenticationMethod: AuthenticationMethod = reader.Text(); break;
                    case PropertyId.AuthenticationData: AuthenticationData = reader.Binary(); break;
                    case PropertyId.ReasonString: Reason = reader.Text(); break;
                    default: reader.UserProperty(UserProperties); break;
                }
            }
        }
    }
}
