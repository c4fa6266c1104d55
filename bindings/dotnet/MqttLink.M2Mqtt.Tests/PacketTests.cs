using System;
using System.Collections.Generic;
using System.Linq;
using MqttLink.TestRunner;
using nanoFramework.M2Mqtt;
using nanoFramework.M2Mqtt.Exceptions;
using nanoFramework.M2Mqtt.Messages;

namespace M2Mqtt.Tests
{
    /// <summary>Packets to bytes and back, in every version.</summary>
    public sealed class PacketTests
    {
        private const MqttProtocolVersion V31 = MqttProtocolVersion.Version_3_1;
        private const MqttProtocolVersion V311 = MqttProtocolVersion.Version_3_1_1;
        private const MqttProtocolVersion V5 = MqttProtocolVersion.Version_5;

        private static readonly MqttProtocolVersion[] Versions = { V31, V311, V5 };

        /// <summary>What the specifications say, byte by byte.</summary>
        [Test]
        public void Vectors()
        {
            Vector("10 0F 00 06 4D 51 49 73 64 70 03 02 00 3C 00 01 63",
                Connect("c", V31), V31);
            Vector("10 0D 00 04 4D 51 54 54 04 02 00 3C 00 01 63", Connect("c", V311), V311);
            Vector("10 13 00 04 4D 51 54 54 05 02 00 3C 05 11 00 00 00 0A 00 01 63",
                new MqttMsgConnect("c", null, null, false, 0, false, null, null, true, 60, V5)
                {
                    SessionExpiryInterval = 10
                }, V5);
            Vector("20 02 01 00", new MqttMsgConnack { SessionPresent = true }, V311);
            Vector("20 03 00 87 00", new MqttMsgConnack { ReturnCode = MqttReasonCode.NotAuthorized }, V5);
            Vector("3B 06 00 01 74 00 07 78", new MqttMsgPublish("t", new byte[] { 0x78 }, true,
                MqttQoSLevel.AtLeastOnce, true) { MessageId = 7 }, V311);
            Vector("30 06 00 01 74 02 01 01", new MqttMsgPublish("t", null) { IsPayloadUTF8 = true }, V5);
            Vector("40 02 00 07", new MqttMsgPuback { MessageId = 7 }, V5);
            Vector("40 03 00 07 97", new MqttMsgPuback
            {
                MessageId = 7,
                ReasonCode = MqttReasonCode.QuotaExceeded
            }, V5);
            Vector("50 02 00 07", new MqttMsgPubrec { MessageId = 7 }, V311);
            Vector("62 02 00 07", new MqttMsgPubrel { MessageId = 7 }, V311);
            Vector("70 02 00 07", new MqttMsgPubcomp { MessageId = 7 }, V311);
            Vector("82 06 00 09 00 01 23 02",
                new MqttMsgSubscribe(new[] { "#" }, new[] { MqttQoSLevel.ExactlyOnce }) { MessageId = 9 }, V311);
            Vector("82 07 00 09 00 00 01 23 2D",
                new MqttMsgSubscribe(new[] { "#" }, new[] { MqttQoSLevel.AtLeastOnce })
                {
                    MessageId = 9,
                    NoLocal = true,
                    RetainAsPublished = true,
                    RetainHandeling = MqttRetainHandeling.NoRetain
                }, V5);
            Vector("90 04 00 09 02 80", new MqttMsgSuback
            {
                MessageId = 9,
                GrantedQoSLevels = new[] { MqttQoSLevel.ExactlyOnce, MqttQoSLevel.GrantedFailure }
            }, V311);
            Vector("A2 05 00 0A 00 01 23", new MqttMsgUnsubscribe(new[] { "#" }) { MessageId = 10 }, V311);
            Vector("B0 02 00 0A", new MqttMsgUnsuback { MessageId = 10 }, V311);
            Vector("B0 04 00 0A 00 11", new MqttMsgUnsuback
            {
                MessageId = 10,
                ReasonCode = MqttReasonCode.NoSubscriptionExisted
            }, V5);
            Vector("C0 00", new MqttMsgPingReq(), V311);
            Vector("D0 00", new MqttMsgPingResp(), V311);
            Vector("E0 00", new MqttMsgDisconnect(), V5);
            Vector("E0 02 8E 00", new MqttMsgDisconnect { ReasonCode = MqttReasonCode.SessionTakenOver }, V5);
            Vector("F0 0A 18 08 15 00 01 4D 16 00 01 01", new MqttMsgAuthentication
            {
                ReasonCode = MqttReasonCode.ContinueAuthentication,
                AuthenticationMethod = "M",
                AuthenticationData = new byte[] { 1 }
            }, V5);
        }

        /// <summary>Every packet with everything it can carry comes back the same.</summary>
        [Test]
        public void RoundTrips()
        {
            foreach (MqttProtocolVersion version in Versions)
            {
                foreach (MqttMsgBase packet in All(version))
                {
                    byte[] bytes = packet.GetBytes(version);
                    byte[] again = Packets.Again(packet, version).GetBytes(version);
                    Check.Equal(bytes, again, packet.GetType().Name + " in " + version);
                }
            }
        }

        /// <summary>Whatever is cut off, the packet is refused and nothing else happens.</summary>
        [Test]
        public void CutPacketsAreRefused()
        {
            foreach (MqttMsgBase packet in All(V5))
            {
                byte[] bytes = packet.GetBytes(V5);
                for (int length = 2; length < Math.Min(bytes.Length, 120); length++)
                {
                    byte[] cut = bytes.Take(length).ToArray();
                    try
                    {
                        Packets.Again(packet.GetType(), cut, V5);
                        throw new AssertionException(packet.GetType().Name + " of " + length + " bytes was read");
                    }
                    catch (MqttCommunicationException)
                    {
                        // The channel ended before the packet.
                    }
                }
            }
        }

        /// <summary>Bytes that the specifications forbid.</summary>
        [Test]
        public void MalformedPacketsAreRefused()
        {
            Refused<MqttMsgPublish>(V311, "36 04 00 01 74 00", MqttClientErrorCode.WrongBrokerMessage);
            Refused<MqttMsgPublish>(V311, "32 05 00 01 74 00 00", MqttClientErrorCode.WrongBrokerMessage);
            Refused<MqttMsgPublish>(V311, "30 03 00 01 2B", MqttClientErrorCode.WrongBrokerMessage);
            Refused<MqttMsgPublish>(V311, "30 03 00 01 FF", MqttClientErrorCode.WrongBrokerMessage);
            Refused<MqttMsgPublish>(V5, "30 08 00 01 74 04 01 01 01 01", MqttClientErrorCode.WrongBrokerMessage);
            Refused<MqttMsgPublish>(V5, "30 06 00 01 74 02 11 00", MqttClientErrorCode.WrongBrokerMessage);
            Refused<MqttMsgPuback>(V311, "41 02 00 01", MqttClientErrorCode.InvalidFlagBits);
            Refused<MqttMsgPuback>(V311, "40 02 00 00", MqttClientErrorCode.WrongBrokerMessage);
            Refused<MqttMsgPubrel>(V311, "60 02 00 01", MqttClientErrorCode.InvalidFlagBits);
            Refused<MqttMsgConnect>(V311, "10 0D 00 04 4D 51 54 54 04 03 00 3C 00 01 63",
                MqttClientErrorCode.InvalidConnectFlags);
            Refused<MqttMsgConnect>(V311, "10 0D 00 04 4D 51 54 55 04 02 00 3C 00 01 63",
                MqttClientErrorCode.InvalidProtocolName);
            Refused<MqttMsgSubscribe>(V311, "82 02 00 01", MqttClientErrorCode.WrongBrokerMessage);
            Refused<MqttMsgSubscribe>(V5, "82 07 00 01 00 00 01 23 03", MqttClientErrorCode.WrongBrokerMessage);
            Refused<MqttMsgAuthentication>(V311, "F0 00", MqttClientErrorCode.WrongBrokerMessage);
            Refused<MqttMsgPuback>(V5, "40 05 00 01 00 FF 7F", MqttClientErrorCode.WrongBrokerMessage);
        }

        /// <summary>What cannot be a packet is not encoded.</summary>
        [Test]
        public void ImpossiblePacketsAreNotEncoded()
        {
            Check.Throws<MqttClientException>(() => new MqttMsgPublish("t", null, false,
                MqttQoSLevel.AtLeastOnce, false).GetBytes(V311));
            Check.Throws<ArgumentException>(
                () => new MqttMsgPublish("t", null) { ContentType = new string('x', 70000) }.GetBytes(V5));
            Check.Throws<ArgumentException>(
                () => new MqttMsgPublish("t", new byte[100]) { MaximumPacketSize = 50 }.GetBytes(V5));
            MqttMsgPuback remark = new MqttMsgPuback
            {
                MessageId = 1,
                ReasonCode = MqttReasonCode.QuotaExceeded,
                Reason = new string('x', 100),
                MaximumPacketSize = 20
            };
            Check.Equal(5, remark.GetBytes(V5).Length, "the length without a remark that does not fit");
        }

        private static IEnumerable<MqttMsgBase> All(MqttProtocolVersion version)
        {
            bool v5 = version == V5;
            MqttMsgConnect connect = new MqttMsgConnect("client", "user", "password", true, MqttQoSLevel.ExactlyOnce,
                true, "will", "gone", false, 600, version);
            MqttMsgPublish publish = new MqttMsgPublish("a/b", new byte[] { 0, 1, 255 }, true,
                MqttQoSLevel.ExactlyOnce, true) { MessageId = 65535 };
            MqttMsgConnack connack = new MqttMsgConnack { SessionPresent = version != V31 };
            MqttMsgSubscribe subscribe = new MqttMsgSubscribe(new[] { "a/+", "$share/g/#" },
                new[] { MqttQoSLevel.AtMostOnce, MqttQoSLevel.ExactlyOnce }) { MessageId = 3 };
            MqttMsgSuback suback = new MqttMsgSuback { MessageId = 3 };
            suback.GrantedQoSLevels = new[] { MqttQoSLevel.AtMostOnce, MqttQoSLevel.GrantedFailure };
            MqttMsgBase[] plain =
            {
                connect, connack, publish, subscribe, suback,
                new MqttMsgPuback { MessageId = 1 }, new MqttMsgPubrec { MessageId = 2 },
                new MqttMsgPubrel { MessageId = 3 }, new MqttMsgPubcomp { MessageId = 4 },
                new MqttMsgUnsubscribe(new[] { "x", "y" }) { MessageId = 5 }, new MqttMsgUnsuback { MessageId = 6 },
                new MqttMsgPingReq(), new MqttMsgPingResp(), new MqttMsgDisconnect()
            };
            foreach (MqttMsgBase packet in plain)
            {
                if (v5)
                {
                    packet.UserProperties.Add(new UserProperty("name", "value"));
                    Fill(packet);
                }

                yield return packet;
            }
        }

        /// <summary>Gives every property of MQTT 5.0 a value.</summary>
        private static void Fill(MqttMsgBase packet)
        {
            foreach (var property in packet.GetType().GetProperties().Where(one => one.GetSetMethod() != null))
            {
                bool other = property.Name.StartsWith("Will") || property.Name == "Username"
                    || property.Name == "Password" || property.DeclaringType == typeof(MqttMsgBase);
                if (other)
                {
                    continue;
                }

                if (property.PropertyType == typeof(string) && property.GetValue(packet) == null)
                {
                    property.SetValue(packet, property.Name);
                }
                else if (property.PropertyType == typeof(byte[]) && property.GetValue(packet) == null)
                {
                    property.SetValue(packet, new byte[] { 1, 2, 3 });
                }
                else if (property.PropertyType == typeof(uint))
                {
                    property.SetValue(packet, 70000u);
                }
                else if (property.PropertyType == typeof(ushort))
                {
                    property.SetValue(packet, (ushort)300);
                }
            }
        }

        private static MqttMsgConnect Connect(string id, MqttProtocolVersion version)
        {
            return new MqttMsgConnect(id, null, null, false, 0, false, null, null, true, 60, version);
        }

        private static byte[] Bytes(string hex)
        {
            return hex.Split(' ').Select(part => Convert.ToByte(part, 16)).ToArray();
        }

        private static void Vector(string hex, MqttMsgBase packet, MqttProtocolVersion version)
        {
            byte[] expected = Bytes(hex);
            Check.Equal(expected, packet.GetBytes(version), packet.GetType().Name + " in " + version);
            Check.Equal(expected, Packets.Again(packet.GetType(), expected, version).GetBytes(version),
                packet.GetType().Name + " read and written in " + version);
        }

        private static void Refused<T>(MqttProtocolVersion version, string hex, MqttClientErrorCode code)
            where T : MqttMsgBase
        {
            MqttClientException error = Check.Throws<MqttClientException>(
                () => Packets.Again(typeof(T), Bytes(hex), version));
            Check.Equal(code, error.ErrorCode, typeof(T).Name + " " + hex);
        }
    }
}
