using System;
using MqttLink.Interop;

namespace MqttLink
{
    /// <summary>A client that wants to connect, for <see cref="MqttBrokerOptions.OnAuthenticate"/>.</summary>
    public sealed class MqttConnectRequest
    {
        internal MqttConnectRequest(MqttPeer peer)
        {
            Peer = peer;
        }

        /// <summary>The client.</summary>
        public MqttPeer Peer { get; }

        /// <summary>
        /// Who the client is, for the other hooks and the events. Null, which is the default: its user name.
        /// </summary>
        public string User { get; set; }
    }

    /// <summary>Something that a client wants to do, for <see cref="MqttBrokerOptions.OnAuthorize"/>.</summary>
    public sealed class MqttAccess
    {
        internal MqttAccess(MqttPeer peer, MqttAction action, string topic, MqttQoS qos, bool retain)
        {
            Peer = peer;
            Action = action;
            Topic = topic;
            QoS = qos;
            Retain = retain;
        }

        /// <summary>The client.</summary>
        public MqttPeer Peer { get; }

        /// <summary>What it wants to do.</summary>
        public MqttAction Action { get; }

        /// <summary>The topic name; to subscribe, the filter.</summary>
        public string Topic { get; }

        /// <summary>The quality of service of the message, or the one asked for.</summary>
        public MqttQoS QoS { get; }

        /// <summary>Whether the message is to be kept.</summary>
        public bool Retain { get; }
    }

    /// <summary>
    /// A message that a client publishes, before anybody else sees it, for
    /// <see cref="MqttBrokerOptions.OnIntercept"/>. What is set goes on in the place of what was.
    /// </summary>
    public sealed class MqttDraft
    {
        internal MqttDraft(MqttPeer peer, MqttMessage message)
        {
            Peer = peer;
            Topic = message.Topic;
            Payload = message.Payload;
            QoS = message.QoS;
            Retain = message.Retain;
            Properties = message.Properties;
        }

        /// <summary>Who publishes it.</summary>
        public MqttPeer Peer { get; }

        /// <summary>The topic name.</summary>
        public string Topic { get; set; }

        /// <summary>The payload.</summary>
        public byte[] Payload { get; set; }

        /// <summary>
        /// The quality of service at which it goes on; the exchange with its publisher is the one it began.
        /// </summary>
        public MqttQoS QoS { get; set; }

        /// <summary>Whether it is kept for later subscribers.</summary>
        public bool Retain { get; set; }

        /// <summary>Its properties; to change them, set another list.</summary>
        public MqttProperties Properties { get; set; }
    }

    /// <summary>
    /// One client's authentication exchange (MQTT 5.0, section 4.12), for <see cref="MqttBrokerOptions.OnExchange"/>.
    /// </summary>
    public interface IMqttExchange
    {
        /// <summary>
        /// The client's next data: those of CONNECT first, then those of each AUTH. Runs on one of the threads for
        /// authentication; the steps of one exchange one after the other.
        /// </summary>
        MqttExchangeStep Step(byte[] data);
    }

    /// <summary>What a broker answers in an authentication exchange.</summary>
    public sealed class MqttExchangeStep
    {
        private MqttExchangeStep(MqttReason reason, byte[] data, string user)
        {
            Reason = reason;
            Data = data;
            User = user;
        }

        internal MqttReason Reason { get; }

        internal byte[] Data { get; }

        internal string User { get; }

        /// <summary>Asks for the next step with a challenge.</summary>
        public static MqttExchangeStep Continue(byte[] challenge)
        {
            return new MqttExchangeStep(MqttReason.ContinueAuthentication, challenge, null);
        }

        /// <summary>Accepts the client.</summary>
        /// <param name="data">What the client is to verify; null for nothing.</param>
        /// <param name="user">Who the client is; null for its user name.</param>
        public static MqttExchangeStep Accept(byte[] data = null, string user = null)
        {
            return new MqttExchangeStep(MqttReason.Success, data, user);
        }

        /// <summary>Refuses the client.</summary>
        public static MqttExchangeStep Refuse(MqttReason reason = MqttReason.NotAuthorized)
        {
            return new MqttExchangeStep(reason, null, null);
        }
    }

    /// <summary>Something that happened in a broker.</summary>
    public sealed class MqttBrokerEvent
    {
        private MqttBrokerEvent()
        {
        }

        /// <summary>What happened.</summary>
        public MqttBrokerEventKind Kind { get; private set; }

        /// <summary>Why a client is gone; null for other events.</summary>
        public MqttDisconnectCause? DisconnectCause { get; private set; }

        /// <summary>Why a message did not reach a client; null for other events.</summary>
        public MqttDropCause? DropCause { get; private set; }

        /// <summary>The reason code; null if there is none.</summary>
        public MqttReason? Reason { get; private set; }

        /// <summary>The QoS that was granted; null for other events.</summary>
        public MqttQoS? GrantedQoS { get; private set; }

        /// <summary>For a client that was accepted: whether an earlier session goes on.</summary>
        public bool SessionPresent { get; private set; }

        /// <summary>Which client; null if it was refused.</summary>
        public MqttPeer Peer { get; private set; }

        /// <summary>Its client identifier.</summary>
        public string ClientId { get; private set; }

        /// <summary>A topic or filter; null if the event has none.</summary>
        public string Topic { get; private set; }

        /// <summary>An explanation for people; null if there is none.</summary>
        public string Text { get; private set; }

        internal static MqttBrokerEvent From(NativeBrokerEvent from)
        {
            var kind = (MqttBrokerEventKind)from.Kind;
            var gone = kind == MqttBrokerEventKind.Disconnected && from.Cause >= 0;
            var dropped = kind == MqttBrokerEventKind.Dropped && from.Cause >= 0;
            return new MqttBrokerEvent
            {
                Kind = kind,
                DisconnectCause = gone ? (MqttDisconnectCause)from.Cause : (MqttDisconnectCause?)null,
                DropCause = dropped ? (MqttDropCause)from.Cause : (MqttDropCause?)null,
                Reason = from.Reason < 0 ? (MqttReason?)null : (MqttReason)from.Reason,
                GrantedQoS = from.Qos < 0 ? (MqttQoS?)null : (MqttQoS)from.Qos,
                SessionPresent = from.SessionPresent != 0,
                Peer = MqttPeer.From(from.Peer),
                ClientId = Interop.Text.FromNative(from.ClientId),
                Topic = Interop.Text.FromNative(from.Topic),
                Text = Interop.Text.FromNative(from.Text),
            };
        }
    }
}
