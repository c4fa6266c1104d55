using System;
using System.Runtime.InteropServices;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>Counts since a client was made, and how much waits at the moment.</summary>
    public sealed class MqttStatistics
    {
        private readonly NativeStatistics counts;

        private MqttStatistics(NativeStatistics counts)
        {
            this.counts = counts;
        }

        /// <summary>Packets received.</summary>
        public ulong PacketsReceived => counts.PacketsReceived;

        /// <summary>Bytes received.</summary>
        public ulong BytesReceived => counts.BytesReceived;

        /// <summary>Messages received, repetitions included.</summary>
        public ulong MessagesReceived =>
            counts.MessagesReceived0 + counts.MessagesReceived1 + counts.MessagesReceived2;

        /// <summary>Messages accepted for sending.</summary>
        public ulong MessagesSent => counts.MessagesSent0 + counts.MessagesSent1 + counts.MessagesSent2;

        /// <summary>Messages sent again after a reconnect.</summary>
        public ulong MessagesResent => counts.MessagesResent;

        /// <summary>Bytes given to the connection.</summary>
        public ulong BytesSent => counts.BytesSent;

        /// <summary>Connections that the server accepted.</summary>
        public ulong Connects => counts.Connects;

        /// <summary>Messages of QoS 1 and 2 that await the server's acknowledgement.</summary>
        public ulong InFlight => counts.InFlight;

        /// <summary>Bytes in the outgoing buffer.</summary>
        public ulong QueuedBytes => counts.QueuedBytes;

        /// <summary>Received messages that wait for a handler or for <see cref="MqttClient.Receive()"/>.</summary>
        public ulong WaitingMessages => counts.WaitingMessages;

        /// <summary>Packets that <see cref="MqttClient.PacketTraced"/> did not show.</summary>
        public ulong MissedPackets => counts.MissedPackets;

        /// <summary>Messages received at one quality of service.</summary>
        public ulong MessagesReceivedAt(MqttQoS qos)
        {
            return At(qos, counts.MessagesReceived0, counts.MessagesReceived1, counts.MessagesReceived2);
        }

        /// <summary>Messages accepted for sending at one quality of service.</summary>
        public ulong MessagesSentAt(MqttQoS qos)
        {
            return At(qos, counts.MessagesSent0, counts.MessagesSent1, counts.MessagesSent2);
        }

        internal static MqttStatistics Of(ClientHandle client)
        {
            var size = NativeMethods.Size(Marshal.SizeOf(typeof(NativeStatistics)));
            MqttException.Check(NativeMethods.mqttlink_client_statistics(client, out var counts, size));
            return new MqttStatistics(counts);
        }

        private static ulong At(MqttQoS qos, ulong zero, ulong one, ulong two)
        {
            switch (qos)
            {
                case MqttQoS.AtMostOnce:
                    return zero;
                case MqttQoS.AtLeastOnce:
                    return one;
                case MqttQoS.ExactlyOnce:
                    return two;
                default:
                    throw new ArgumentOutOfRangeException(nameof(qos), qos, "QoS is 0, 1 or 2");
            }
        }
    }
}
