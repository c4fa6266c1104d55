using System;
using Nano = nanoFramework.M2Mqtt.Exceptions;

namespace uPLibrary.Networking.M2Mqtt.Exceptions
{
    /// <summary>What was wrong in a <see cref="MqttClientException"/>.</summary>
    public enum MqttClientErrorCode
    {
        /// <summary>A will without a topic or message, or with a QoS there is not.</summary>
        WillWrong = 1,

        /// <summary>The keep alive cannot be used.</summary>
        KeepAliveWrong,

        /// <summary>A topic holds a wildcard where it must not.</summary>
        TopicWildcard,

        /// <summary>A topic is empty or longer than 65,535 bytes.</summary>
        TopicLength,

        /// <summary>There is no such QoS.</summary>
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
            : this(new Nano.MqttClientException((Nano.MqttClientErrorCode)errorCode))
        {
        }

        internal MqttClientException(Nano.MqttClientException inner)
            : base(inner.Message, inner)
        {
            ErrorCode = (MqttClientErrorCode)inner.ErrorCode;
        }

        /// <summary>What was wrong.</summary>
        public MqttClientErrorCode ErrorCode { get; set; }
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

    /// <summary>An answer did not come in time; thrown by the calls that wait.</summary>
    public class MqttTimeoutException : Exception
    {
        /// <summary>Without a text of its own.</summary>
        public MqttTimeoutException()
            : base("the server did not answer in time")
        {
        }

        internal MqttTimeoutException(Exception inner)
            : base(inner.Message, inner)
        {
        }
    }

    /// <summary>The exceptions of the other façade as those of this one.</summary>
    internal static class Translated
    {
        internal static T Call<T>(Func<T> call)
        {
            try
            {
                return call();
            }
            catch (Nano.MqttClientException error)
            {
                throw new MqttClientException(error);
            }
            catch (Nano.MqttCommunicationException error)
            {
                throw new MqttCommunicationException(error.InnerException ?? error);
            }
            catch (Nano.MqttConnectionException error)
            {
                throw new MqttConnectionException(error.Message, error.InnerException);
            }
            catch (Nano.MqttTimeoutException error)
            {
                throw new MqttTimeoutException(error);
            }
        }

        internal static void Call(Action call)
        {
            Call<object>(() =>
            {
                call();
                return null;
            });
        }
    }
}
