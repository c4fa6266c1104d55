using System;

namespace nanoFramework.M2Mqtt.Exceptions
{
    /// <summary>What was wrong in a <see cref="MqttClientException"/>.</summary>
    public enum MqttClientErrorCode
    {
        /// <summary>A will without a topic or message, or with a QoS there is not.</summary>
        WillWrong = 1,

        /// <summary>The keep alive cannot be used.</summary>
        KeepAliveWrong,

        /// <summary>A topic name holds a wildcard.</summary>
        TopicWildcard,

        /// <summary>A topic is empty or longer than 65,535 bytes.</summary>
        TopicLength,

        /// <summary>There is no such QoS, or the server does not take it.</summary>
        QosNotAllowed,

        /// <summary>A list of topics is empty.</summary>
        TopicsEmpty,

        /// <summary>A list of QoS is empty.</summary>
        QosLevelsEmpty,

        /// <summary>There are more or fewer topics than QoS.</summary>
        TopicsQosLevelsNotMatch,

        /// <summary>A packet of the server cannot be read.</summary>
        WrongBrokerMessage,

        /// <summary>A packet has an identifier it cannot have.</summary>
        WrongMessageId,

        /// <summary>As many messages wait as <see cref="MqttSettings.InflightQueueSize"/> allows.</summary>
        InflightQueueFull,

        /// <summary>A packet has flags it cannot have.</summary>
        InvalidFlagBits,

        /// <summary>A CONNECT has flags it cannot have.</summary>
        InvalidConnectFlags,

        /// <summary>A client identifier cannot be used.</summary>
        InvalidClientId,

        /// <summary>A CONNECT is of another protocol.</summary>
        InvalidProtocolName
    }

    /// <summary>The client was used in a wrong way, the queue is full, or a packet cannot be read.</summary>
    public class MqttClientException : Exception
    {
        /// <summary>With what was wrong.</summary>
        /// <param name="errorCode">What was wrong.</param>
        public MqttClientException(MqttClientErrorCode errorCode)
            : base(Text(errorCode))
        {
            ErrorCode = errorCode;
        }

        /// <summary>With what was wrong, and more about it.</summary>
        /// <param name="errorCode">What was wrong.</param>
        /// <param name="message">What failed, why, and what to try.</param>
        public MqttClientException(MqttClientErrorCode errorCode, string message)
            : base(message)
        {
            ErrorCode = errorCode;
        }

        /// <summary>What was wrong.</summary>
        public MqttClientErrorCode ErrorCode { get; set; }

        private static string Text(MqttClientErrorCode code)
        {
            switch (code)
            {
                case MqttClientErrorCode.WillWrong: return "the will needs a topic, a message and a QoS of 0 to 2";
                case MqttClientErrorCode.KeepAliveWrong: return "the keep alive cannot be used";
                case MqttClientErrorCode.TopicWildcard: return "a topic name must not hold + or #";
                case MqttClientErrorCode.TopicLength: return "a topic has 1 to 65,535 bytes";
                case MqttClientErrorCode.QosNotAllowed: return "QoS is 0, 1 or 2, and at most what the server takes";
                case MqttClientErrorCode.TopicsEmpty: return "there is no topic";
                case MqttClientErrorCode.QosLevelsEmpty: return "there is no QoS";
                case MqttClientErrorCode.TopicsQosLevelsNotMatch: return "each topic needs one QoS";
                case MqttClientErrorCode.WrongBrokerMessage: return "a packet cannot be read";
                case MqttClientErrorCode.WrongMessageId: return "a packet has an identifier it cannot have";
                case MqttClientErrorCode.InflightQueueFull: return "as many messages wait as MqttSettings.InflightQueueSize allows";
                case MqttClientErrorCode.InvalidFlagBits: return "a packet has flags it cannot have";
                case MqttClientErrorCode.InvalidConnectFlags: return "a CONNECT has flags it cannot have";
                case MqttClientErrorCode.InvalidClientId: return "the client identifier cannot be used";
                default: return "a CONNECT is of another protocol than MQTT";
            }
        }
    }

    /// <summary>The network, TLS, or the end of the connection made a call fail.</summary>
    public class MqttCommunicationException : Exception
    {
        /// <summary>Without a cause.</summary>
        public MqttCommunicationException()
            : base("there is no connection to the server, or it has ended")
        {
        }

        /// <summary>With its cause.</summary>
        /// <param name="e">The cause.</param>
        public MqttCommunicationException(Exception e)
            : base(e == null ? "the communication failed" : e.Message, e)
        {
        }
    }

    /// <summary>No connection came about: name, network or TLS.</summary>
    public class MqttConnectionException : Exception
    {
        /// <summary>With its cause.</summary>
        /// <param name="message">What failed, where, why, and what to try.</param>
        /// <param name="innerException">The cause.</param>
        public MqttConnectionException(string message, Exception innerException)
            : base(message, innerException)
        {
        }
    }

    /// <summary>An answer did not come in time; thrown by the calls that wait, such as
    /// <see cref="MqttClient.PublishAndWait(string, byte[], nanoFramework.M2Mqtt.Messages.MqttQoSLevel, bool, int)"/>.</summary>
    public class MqttTimeoutException : Exception
    {
        /// <summary>Without a text of its own.</summary>
        public MqttTimeoutException()
            : base("the server did not answer in time")
        {
        }

        /// <summary>With a text.</summary>
        /// <param name="message">What did not come, and within which time.</param>
        public MqttTimeoutException(string message)
            : base(message)
        {
        }
    }
}
