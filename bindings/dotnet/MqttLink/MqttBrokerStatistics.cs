using System;
using System.Runtime.InteropServices;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>What a broker has counted since it started, and what it holds.</summary>
    public sealed class MqttBrokerStatistics
    {
        private readonly NativeBrokerCounters counts;

        private MqttBrokerStatistics(NativeBrokerCounters counts)
        {
            this.counts = counts;
        }

        /// <summary>How long it has been running.</summary>
        public TimeSpan Uptime => TimeSpan.FromMilliseconds(counts.UptimeMs);

        /// <summary>Clients that are connected.</summary>
        public ulong ClientsConnected => counts.ClientsConnected;

        /// <summary>Sessions whose client is not connected.</summary>
        public ulong ClientsDisconnected => counts.ClientsDisconnected;

        /// <summary>The most clients that were ever connected at the same time.</summary>
        public ulong ClientsMaximum => counts.ClientsMaximum;

        /// <summary>Sessions that have expired.</summary>
        public ulong ClientsExpired => counts.ClientsExpired;

        /// <summary>Connections, those included whose CONNECT has not come.</summary>
        public ulong Connections => counts.Connections;

        /// <summary>Connections accepted since the start.</summary>
        public ulong ConnectionsTotal => counts.ConnectionsTotal;

        /// <summary>Subscriptions, shared ones included.</summary>
        public ulong Subscriptions => counts.Subscriptions;

        /// <summary>Memberships of shared subscriptions.</summary>
        public ulong SharedSubscriptions => counts.SharedSubscriptions;

        /// <summary>Retained messages.</summary>
        public ulong RetainedMessages => counts.RetainedMessages;

        /// <summary>Bytes of retained messages.</summary>
        public ulong RetainedBytes => counts.RetainedBytes;

        /// <summary>Messages that wait for clients.</summary>
        public ulong QueuedMessages => counts.QueuedMessages;

        /// <summary>Bytes of messages that wait for clients or are in flight.</summary>
        public ulong QueuedBytes => counts.QueuedBytes;

        /// <summary>Packets received.</summary>
        public ulong PacketsReceived => counts.PacketsReceived;

        /// <summary>Packets sent.</summary>
        public ulong PacketsSent => counts.PacketsSent;

        /// <summary>Bytes received.</summary>
        public ulong BytesReceived => counts.BytesReceived;

        /// <summary>Bytes given to connections.</summary>
        public ulong BytesSent => counts.BytesSent;

        /// <summary>Messages received from clients.</summary>
        public ulong PublishReceived => counts.PublishReceived;

        /// <summary>Messages sent to clients.</summary>
        public ulong PublishSent => counts.PublishSent;

        /// <summary>Bytes of payload received from clients.</summary>
        public ulong PublishBytesReceived => counts.PublishBytesReceived;

        /// <summary>Bytes of payload sent to clients.</summary>
        public ulong PublishBytesSent => counts.PublishBytesSent;

        /// <summary>Messages dropped for a client whose own queue was full.</summary>
        public ulong DroppedQueueFull => counts.DroppedQueueFull;

        /// <summary>Messages dropped because the queues of all clients together were full.</summary>
        public ulong DroppedTotalFull => counts.DroppedTotalFull;

        /// <summary>Messages dropped because they are larger than the client takes.</summary>
        public ulong DroppedTooLarge => counts.DroppedTooLarge;

        /// <summary>Messages that expired while they waited, retained ones included.</summary>
        public ulong DroppedExpired => counts.DroppedExpired;

        /// <summary>Messages that their publisher was not allowed to publish, or that were refused on the way.</summary>
        public ulong DroppedRefused => counts.DroppedRefused;

        /// <summary>Messages that the receiver was not allowed to get.</summary>
        public ulong DroppedNotDelivered => counts.DroppedNotDelivered;

        /// <summary>Messages that waited for a session that ended.</summary>
        public ulong DroppedSessionEnded => counts.DroppedSessionEnded;

        /// <summary>Messages for a subscription of the program that did not keep up.</summary>
        public ulong DroppedLocal => counts.DroppedLocal;

        /// <summary>Retained messages for which there was no room.</summary>
        public ulong DroppedRetainedFull => counts.DroppedRetainedFull;

        /// <summary>Subscriptions for which there was no room.</summary>
        public ulong DroppedSubscriptions => counts.DroppedSubscriptions;

        /// <summary>Connections above the limit.</summary>
        public ulong DroppedConnections => counts.DroppedConnections;

        /// <summary>Clients refused because there were too many sessions or authentications.</summary>
        public ulong DroppedSessions => counts.DroppedSessions;

        /// <summary>Events that the callback did not take in time.</summary>
        public ulong DroppedEvents => counts.DroppedEvents;

        /// <summary>Messages that a fault of the test kit took, and clients that it refused.</summary>
        public ulong DroppedFaults => counts.DroppedFaults;

        /// <summary>Sessions given up for a new client because there were too many.</summary>
        public ulong DroppedSessionsEvicted => counts.DroppedSessionsEvicted;

        /// <summary>Subscriptions that have not been given all their retained messages yet.</summary>
        public ulong RetainedUnsent => counts.RetainedUnsent;

        /// <summary>
        /// Bytes of filters, wills, beginnings of packets, unreleased messages of QoS 2 and waiting authentications, with
        /// what it takes to keep them.
        /// </summary>
        public ulong HeldBytes => counts.HeldBytes;

        internal static MqttBrokerStatistics Of(BrokerHandle broker)
        {
            var size = NativeMethods.Size(Marshal.SizeOf(typeof(NativeBrokerCounters)));
            MqttException.Check(NativeMethods.mqttlink_broker_statistics(broker, out var counts, size));
            return new MqttBrokerStatistics(counts);
        }
    }
}
