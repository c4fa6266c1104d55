using System;

namespace nanoFramework.M2Mqtt.Messages
{
    /// <summary>A message has come.</summary>
    public class MqttMsgPublishEventArgs : EventArgs
    {
        /// <summary>With the message.</summary>
        /// <param name="topic">The topic name.</param>
        /// <param name="message">The payload.</param>
        /// <param name="dupFlag">Whether the server may have sent it before.</param>
        /// <param name="qosLevel">The quality of service at which it came.</param>
        /// <param name="retain">Whether the server had kept it from before the subscription.</param>
        public MqttMsgPublishEventArgs(
            string topic, byte[] message, bool dupFlag, MqttQoSLevel qosLevel, bool retain)
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
        public bool DupFlag { get; internal set; }

        /// <summary>The quality of service at which it came.</summary>
        public MqttQoSLevel QosLevel { get; internal set; }

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
        public ushort MessageId { get; set; }

        /// <summary>Whether the server has it; false if the server refused it, or it was given up.</summary>
        public bool IsPublished { get; set; }
    }

    /// <summary>The server has answered a subscription.</summary>
    public class MqttMsgSubscribedEventArgs : EventArgs
    {
        /// <summary>With the answer.</summary>
        /// <param name="messageId">What <c>Subscribe</c> returned.</param>
        /// <param name="grantedQosLevels">What was granted, for each topic filter.</param>
        public MqttMsgSubscribedEventArgs(ushort messageId, MqttQoSLevel[] grantedQosLevels)
        {
            MessageId = messageId;
            GrantedQoSLevels = grantedQosLevels;
        }

        /// <summary>What <c>Subscribe</c> returned.</summary>
        public ushort MessageId { get; internal set; }

        /// <summary>What was granted, for each topic filter; <see cref="MqttQoSLevel.GrantedFailure"/> where it
        /// was refused or there was no answer.</summary>
        public MqttQoSLevel[] GrantedQoSLevels { get; internal set; }
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

    /// <summary>The server has accepted or refused a connection.</summary>
    public class ConnectionOpenedEventArgs : EventArgs
    {
        /// <summary>With the server's answer.</summary>
        /// <param name="message">The server's answer.</param>
        public ConnectionOpenedEventArgs(MqttMsgConnack message)
        {
            Message = message;
        }

        /// <summary>The server's answer.</summary>
        public MqttMsgConnack Message { get; internal set; }
    }

    /// <summary>The server ends the connection, in MQTT 5.0.</summary>
    public class ConnectionClosedRequestEventArgs : EventArgs
    {
        /// <summary>With the server's packet.</summary>
        /// <param name="message">The server's packet.</param>
        public ConnectionClosedRequestEventArgs(MqttMsgDisconnect message)
        {
            Message = message;
        }

        /// <summary>The server's packet.</summary>
        public MqttMsgDisconnect Message { get; internal set; }
    }

    /// <summary>The server has sent a step of an authentication exchange.</summary>
    public class MqttMsgAuthenticationEventArgs : EventArgs
    {
        /// <summary>With the server's packet.</summary>
        /// <param name="message">The server's packet.</param>
        public MqttMsgAuthenticationEventArgs(MqttMsgAuthentication message)
        {
            Message = message;
        }

        /// <summary>The server's packet.</summary>
        public MqttMsgAuthentication Message { get; internal set; }
    }

    /// <summary>A client asks for a connection; for programs that play the server.</summary>
    public class MqttMsgConnectEventArgs : EventArgs
    {
        /// <summary>With the client's packet.</summary>
        /// <param name="connect">The client's packet.</param>
        public MqttMsgConnectEventArgs(MqttMsgConnect connect)
        {
            Message = connect;
        }

        /// <summary>The client's packet.</summary>
        public MqttMsgConnect Message { get; internal set; }
    }

    /// <summary>A client subscribes; for programs that play the server.</summary>
    public class MqttMsgSubscribeEventArgs : EventArgs
    {
        /// <summary>With the request.</summary>
        /// <param name="messageId">The packet identifier.</param>
        /// <param name="topics">The topic filters.</param>
        /// <param name="qosLevels">The highest QoS for each.</param>
        public MqttMsgSubscribeEventArgs(ushort messageId, string[] topics, MqttQoSLevel[] qosLevels)
        {
            MessageId = messageId;
            Topics = topics;
            QoSLevels = qosLevels;
        }

        /// <summary>The packet identifier.</summary>
        public ushort MessageId { get; internal set; }

        /// <summary>The topic filters.</summary>
        public string[] Topics { get; internal set; }

        /// <summary>The highest QoS for each topic filter.</summary>
        public MqttQoSLevel[] QoSLevels { get; internal set; }
    }

    /// <summary>A client ends subscriptions; for programs that play the server.</summary>
    public class MqttMsgUnsubscribeEventArgs : EventArgs
    {
        /// <summary>With the request.</summary>
        /// <param name="messageId">The packet identifier.</param>
        /// <param name="topics">The topic filters.</param>
        public MqttMsgUnsubscribeEventArgs(ushort messageId, string[] topics)
        {
            MessageId = messageId;
            Topics = topics;
        }

        /// <summary>The packet identifier.</summary>
        public ushort MessageId { get; internal set; }

        /// <summary>The topic filters.</summary>
        public string[] Topics { get; internal set; }
    }
}
