using System;

namespace uPLibrary.Networking.M2Mqtt.Messages
{
    /// <summary>A packet of MQTT: the numbers of QoS.</summary>
    public abstract class MqttMsgBase
    {
        /// <summary>QoS 0: sent once, lost if the connection breaks.</summary>
        public const byte QOS_LEVEL_AT_MOST_ONCE = 0x00;

        /// <summary>QoS 1: sent until acknowledged, may arrive more than once.</summary>
        public const byte QOS_LEVEL_AT_LEAST_ONCE = 0x01;

        /// <summary>QoS 2: arrives exactly once while the session lives.</summary>
        public const byte QOS_LEVEL_EXACTLY_ONCE = 0x02;

        /// <summary>In a SUBACK: the server refused this subscription.</summary>
        public const byte QOS_LEVEL_GRANTED_FAILURE = 0x80;

        private protected MqttMsgBase()
        {
        }
    }

    /// <summary>CONNACK: the numbers of the server's answer.</summary>
    public class MqttMsgConnack : MqttMsgBase
    {
        /// <summary>The connection is accepted.</summary>
        public const byte CONN_ACCEPTED = 0x00;

        /// <summary>The server does not speak this version.</summary>
        public const byte CONN_REFUSED_PROT_VERS = 0x01;

        /// <summary>The client identifier is not allowed.</summary>
        public const byte CONN_REFUSED_IDENT_REJECTED = 0x02;

        /// <summary>The server is not available.</summary>
        public const byte CONN_REFUSED_SERVER_UNAVAILABLE = 0x03;

        /// <summary>The user name or password is wrong.</summary>
        public const byte CONN_REFUSED_USERNAME_PASSWORD = 0x04;

        /// <summary>The client may not connect.</summary>
        public const byte CONN_REFUSED_NOT_AUTHORIZED = 0x05;
    }

    /// <summary>A message has come.</summary>
    public class MqttMsgPublishEventArgs : EventArgs
    {
        /// <summary>With the message.</summary>
        /// <param name="topic">The topic name.</param>
        /// <param name="message">The payload.</param>
        /// <param name="dupFlag">Whether the server may have sent it before.</param>
        /// <param name="qosLevel">The quality of service at which it came.</param>
        /// <param name="retain">Whether the server had kept it from before the subscription.</param>
        public MqttMsgPublishEventArgs(string topic, byte[] message, bool dupFlag, byte qosLevel, bool retain)
        {
            Topic = topic;
            Message = message;
            DupFlag = dupFlag;
            QosLevel = qosLevel;
            Retain = retain;
        }

        /// <summary>The topic name.</summary>
        public string Topic { get; internal set; }

        /// <summary>The payload.</summary>
        public byte[] Message { get; internal set; }

        /// <summary>Whether the server may have sent it before.</summary>
        public bool DupFlag { get; set; }

        /// <summary>The quality of service at which it came.</summary>
        public byte QosLevel { get; internal set; }

        /// <summary>Whether the server had kept it from before the subscription.</summary>
        public bool Retain { get; internal set; }
    }

    /// <summary>What came of a message of QoS 1 or 2.</summary>
    public class MqttMsgPublishedEventArgs : EventArgs
    {
        /// <summary>The server has it.</summary>
        /// <param name="messageId">What <c>Publish</c> returned.</param>
        public MqttMsgPublishedEventArgs(ushort messageId)
            : this(messageId, true)
        {
        }

        /// <summary>The server has it, or not.</summary>
        /// <param name="messageId">What <c>Publish</c> returned.</param>
        /// <param name="isPublished">Whether the server has it.</param>
        public MqttMsgPublishedEventArgs(ushort messageId, bool isPublished)
        {
            MessageId = messageId;
            IsPublished = isPublished;
        }

        /// <summary>What <c>Publish</c> returned.</summary>
        public ushort MessageId { get; internal set; }

        /// <summary>Whether the server has it; false if it was given up.</summary>
        public bool IsPublished { get; internal set; }
    }

    /// <summary>The server has answered a subscription.</summary>
    public class MqttMsgSubscribedEventArgs : EventArgs
    {
        /// <summary>With the answer.</summary>
        /// <param name="messageId">What <c>Subscribe</c> returned.</param>
        /// <param name="grantedQosLevels">What was granted, for each topic filter.</param>
        public MqttMsgSubscribedEventArgs(ushort messageId, byte[] grantedQosLevels)
        {
            MessageId = messageId;
            GrantedQoSLevels = grantedQosLevels;
        }

        /// <summary>What <c>Subscribe</c> returned.</summary>
        public ushort MessageId { get; internal set; }

        /// <summary>What was granted, for each topic filter;
        /// <see cref="MqttMsgBase.QOS_LEVEL_GRANTED_FAILURE"/> where it was refused or there was no
        /// answer.</summary>
        public byte[] GrantedQoSLevels { get; internal set; }
    }

    /// <summary>The server has answered the end of a subscription.</summary>
    public class MqttMsgUnsubscribedEventArgs : EventArgs
    {
        /// <summary>With what was asked.</summary>
        /// <param name="messageId">What <c>Unsubscribe</c> returned.</param>
        public MqttMsgUnsubscribedEventArgs(ushort messageId)
        {
            MessageId = messageId;
        }

        /// <summary>What <c>Unsubscribe</c> returned.</summary>
        public ushort MessageId { get; internal set; }
    }
}
