using System;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>The session of a client, as a broker saw it at one moment.</summary>
    public sealed class MqttSession
    {
        private readonly NativeSession session;

        private MqttSession(NativeSession session)
        {
            this.session = session;
            Peer = MqttPeer.From(session.Peer);
        }

        /// <summary>The client it belongs to, as it connected last.</summary>
        public MqttPeer Peer { get; }

        /// <summary>Whether the client is connected.</summary>
        public bool IsConnected => session.Connected != 0;

        /// <summary>Whether a will waits for its moment.</summary>
        public bool HasWill => session.HasWill != 0;

        /// <summary>How many seconds it outlives its connection; 4,294,967,295 is for ever.</summary>
        public uint ExpirySeconds => session.ExpiryS;

        /// <summary>
        /// In how long it ends if the client stays away; null while the client is connected, and for ever.
        /// </summary>
        public TimeSpan? EndsIn => session.EndsInMs < 0 ? (TimeSpan?)null : TimeSpan.FromMilliseconds(session.EndsInMs);

        /// <summary>How many subscriptions it has.</summary>
        public ulong Subscriptions => session.Subscriptions;

        /// <summary>Messages that wait for the client and have not been sent.</summary>
        public ulong QueuedMessages => session.QueuedMessages;

        /// <summary>Bytes of these messages.</summary>
        public ulong QueuedBytes => session.QueuedBytes;

        /// <summary>Messages of QoS 1 and 2 that the client has been sent and has not acknowledged.</summary>
        public ulong InFlight => session.InFlight;

        /// <summary>Subscriptions that have not been given all their retained messages yet.</summary>
        public ulong RetainedUnsent => session.RetainedUnsent;

        internal static MqttSession From(NativeSession session)
        {
            return new MqttSession(session);
        }
    }
}
