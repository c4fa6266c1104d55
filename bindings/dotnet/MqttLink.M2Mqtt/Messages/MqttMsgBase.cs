using System;
using System.Collections;
using MqttLink.M2Mqtt.Wire;
using nanoFramework.M2Mqtt.Exceptions;

namespace nanoFramework.M2Mqtt.Messages
{
    /// <summary>A packet of MQTT: what is common to all.</summary>
    public abstract class MqttMsgBase
    {
        /// <summary>QoS 0, as programs write it that follow the published examples.</summary>
        public const MqttQoSLevel AtMostOnce = MqttQoSLevel.AtMostOnce;

        /// <summary>QoS 1, as programs write it that follow the published examples.</summary>
        public const MqttQoSLevel AtLeastOnce = MqttQoSLevel.AtLeastOnce;

        /// <summary>QoS 2, as programs write it that follow the published examples.</summary>
        public const MqttQoSLevel ExactlyOnce = MqttQoSLevel.ExactlyOnce;

        /// <summary>A refused subscription.</summary>
        public const MqttQoSLevel GrantedFailure = MqttQoSLevel.GrantedFailure;

        private protected MqttMsgBase(MqttMessageType type)
        {
            Type = type;
            UserProperties = new ArrayList();
        }

        /// <summary>Which packet it is.</summary>
        public MqttMessageType Type { get; set; }

        /// <summary>Whether the packet may have been sent before. PUBLISH only.</summary>
        public bool DupFlag { get; set; }

        /// <summary>The quality of service. PUBLISH only; SUBSCRIBE, UNSUBSCRIBE and PUBREL have the flags of QoS
        /// 1.</summary>
        public MqttQoSLevel QosLevel { get; set; }

        /// <summary>Whether the server keeps the message. PUBLISH only.</summary>
        public bool Retain { get; set; }

        /// <summary>The packet identifier; 0 where there is none.</summary>
        public ushort MessageId { get; set; }

        /// <summary>The user properties, each a <see cref="UserProperty"/>. MQTT 5.0 only.</summary>
        public ArrayList UserProperties { get; internal set; }

        /// <summary>In CONNECT and CONNACK the largest packet that this side takes; elsewhere the largest that
        /// <see cref="GetBytes"/> may make. In bytes; 0 is no limit.</summary>
        public uint MaximumPacketSize { get; set; }

        /// <summary>The packet as it goes over the wire.</summary>
        /// <param name="protocolVersion">The protocol version.</param>
        /// <returns>The bytes, fixed header included.</returns>
        /// <exception cref="MqttClientException">The packet cannot be: no topic, a wildcard, no identifier.</exception>
        /// <exception cref="ArgumentException">A string or list is too long or not valid, or the packet exceeds
        /// <see cref="MaximumPacketSize"/>.</exception>
        public abstract byte[] GetBytes(MqttProtocolVersion protocolVersion);

        internal static bool IsV5(MqttProtocolVersion version)
        {
            return version == MqttProtocolVersion.Version_5;
        }

        internal static MqttReasonCode ReadReason(PacketReader reader)
        {
            return (MqttReasonCode)reader.Byte();
        }

        /// <summary>Reason string and user properties, as several packets have them; left out where the packet
        /// would exceed the limit (section 3.2.2.3.9 and its likes).</summary>
        private protected void WriteRemarks(PacketWriter properties, string reason, int bodyLength)
        {
            PacketWriter remarks = new PacketWriter();
            remarks.Property(PropertyId.ReasonString, reason);
            if (Fits(bodyLength + properties.Length + remarks.Length))
            {
                properties.Property(PropertyId.ReasonString, reason);
            }

            remarks = new PacketWriter();
            remarks.UserProperties(UserProperties);
            if (Fits(bodyLength + properties.Length + remarks.Length))
            {
                properties.UserProperties(UserProperties);
            }
        }

        private protected void NeedId()
        {
            if (MessageId == 0)
            {
                throw new MqttClientException(MqttClientErrorCode.WrongMessageId);
            }
        }

        private protected byte[] Limited(byte[] packet)
        {
            if (MaximumPacketSize > 0 && packet.Length > MaximumPacketSize)
            {
                throw new ArgumentException("the packet has " + packet.Length
                    + " bytes, and MaximumPacketSize allows " + MaximumPacketSize + ".");
            }

            return packet;
        }

        // 5 bytes of fixed header, up to 4 of the length of the properties.
        private bool Fits(int length)
        {
            return MaximumPacketSize == 0 || length + 9 <= MaximumPacketSize;
        }
    }
}
