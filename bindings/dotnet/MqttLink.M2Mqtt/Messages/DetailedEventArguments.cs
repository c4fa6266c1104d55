using System;
using System.Collections;

namespace nanoFramework.M2Mqtt.Messages
{
    /// <summary>A message has come, with all that it carries. Every <see cref="MqttMsgPublishEventArgs"/> that
    /// <see cref="MqttClient"/> gives out is one: cast it, or use <c>as</c>.</summary>
    public class MqttMsgPublishDetailedEventArgs : MqttMsgPublishEventArgs
    {
        internal MqttMsgPublishDetailedEventArgs(
            string topic, byte[] message, bool dupFlag, MqttQoSLevel qosLevel, bool retain)
            : base(topic, message, dupFlag, qosLevel, retain)
        {
            UserProperties = new ArrayList();
            SubscriptionIdentifiers = new ArrayList();
        }

        /// <summary>What the payload is; null if it was not said. MQTT 5.0 only.</summary>
        public string ContentType { get; internal set; }

        /// <summary>Where an answer goes; null if there is none. MQTT 5.0 only.</summary>
        public string ResponseTopic { get; internal set; }

        /// <summary>What an answer carries to be recognised; null if there is none. MQTT 5.0 only.</summary>
        public byte[] CorrelationData { get; internal set; }

        /// <summary>The user properties, each a <see cref="UserProperty"/>. MQTT 5.0 only.</summary>
        public ArrayList UserProperties { get; }

        /// <summary>After how many seconds the message is of no use; null is never. MQTT 5.0 only.</summary>
        public uint? MessageExpiryInterval { get; internal set; }

        /// <summary>The identifiers of the subscriptions that brought it, each an int. MQTT 5.0 only.</summary>
        public ArrayList SubscriptionIdentifiers { get; }

        /// <summary>1 if the publisher says that the payload is text in UTF-8, 0 if it says nothing about it. MQTT
        /// 5.0 only.</summary>
        public byte PayloadFormat { get; internal set; }
    }

    /// <summary>What came of a message, with the server's reason. Every <see cref="MqttMsgPublishedEventArgs"/>
    /// that <see cref="MqttClient"/> gives out is one.</summary>
    public class MqttMsgPublishedDetailedEventArgs : MqttMsgPublishedEventArgs
    {
        internal MqttMsgPublishedDetailedEventArgs(
            ushort messageId, bool isPublished, MqttReasonCode reasonCode, string reason)
            : base(messageId, isPublished)
        {
            ReasonCode = reasonCode;
            Reason = reason;
        }

        /// <summary>What the server said; <see cref="MqttReasonCode.UnspecifiedError"/> if the message was given up
        /// before the server said anything.</summary>
        public MqttReasonCode ReasonCode { get; }

        /// <summary>Why it was not published, for people; null if it was.</summary>
        public string Reason { get; }
    }

    /// <summary>The server has answered a subscription, or will not any more. Every
    /// <see cref="MqttMsgSubscribedEventArgs"/> that <see cref="MqttClient"/> gives out is one.</summary>
    public class MqttMsgSubscribedDetailedEventArgs : MqttMsgSubscribedEventArgs
    {
        internal MqttMsgSubscribedDetailedEventArgs(
            ushort messageId, MqttQoSLevel[] granted, MqttReasonCode[] reasonCodes, string reason, bool answered)
            : base(messageId, granted)
        {
            ReasonCodes = reasonCodes;
            Reason = reason;
            IsAnswered = answered;
        }

        /// <summary>Whether the server answered; false if the time was up or the connection ended first.</summary>
        public bool IsAnswered { get; }

        /// <summary>The result for each topic filter.</summary>
        public MqttReasonCode[] ReasonCodes { get; }

        /// <summary>The server's remark, or why there was no answer; null if there is nothing to say.</summary>
        public string Reason { get; }
    }

    /// <summary>The server has answered the end of a subscription, or will not any more. Every
    /// <see cref="MqttMsgUnsubscribedEventArgs"/> that <see cref="MqttClient"/> gives out is one.</summary>
    public class MqttMsgUnsubscribedDetailedEventArgs : MqttMsgUnsubscribedEventArgs
    {
        internal MqttMsgUnsubscribedDetailedEventArgs(
            ushort messageId, MqttReasonCode[] reasonCodes, string reason, bool answered)
            : base(messageId)
        {
            ReasonCodes = reasonCodes;
            Reason = reason;
            IsAnswered = answered;
        }

        /// <summary>Whether the server answered; false if the time was up or the connection ended first.</summary>
        public bool IsAnswered { get; }

        /// <summary>The result for each topic filter; all are successes before MQTT 5.0.</summary>
        public MqttReasonCode[] ReasonCodes { get; }

        /// <summary>The server's remark, or why there was no answer; null if there is nothing to say.</summary>
        public string Reason { get; }
    }

    /// <summary>A handler of the program threw an exception, which was caught.</summary>
    public class MqttHandlerExceptionEventArgs : EventArgs
    {
        internal MqttHandlerExceptionEventArgs(string eventName, Exception exception)
        {
            EventName = eventName;
            Exception = exception;
        }

        /// <summary>The event whose handler it was.</summary>
        public string EventName { get; }

        /// <summary>What it threw.</summary>
        public Exception Exception { get; }
    }
}
