using System;
using System.Collections;
using MqttLink;
using MqttLink.M2Mqtt.Engine;
using nanoFramework.M2Mqtt.Exceptions;
using nanoFramework.M2Mqtt.Messages;

namespace nanoFramework.M2Mqtt
{
    /// <content>Subscribing and publishing.</content>
    public partial class MqttClient
    {
        /// <summary>Subscribes, without waiting. Without a connection the request is sent with the next one.</summary>
        /// <param name="topics">The topic filters.</param>
        /// <param name="qosLevels">The highest QoS for each.</param>
        /// <returns>The identifier, which comes back with <see cref="MqttMsgSubscribed"/>.</returns>
        /// <exception cref="MqttClientException">A topic filter or QoS cannot be used, or the lists are of different
        /// length.</exception>
        /// <exception cref="NotSupportedException">The server has said that it does not offer this.</exception>
        public ushort Subscribe(string[] topics, MqttQoSLevel[] qosLevels)
        {
            return Accept(NewSubscription(topics, qosLevels));
        }

        /// <summary>Subscribes, and waits for the server's answer. May be called in every event.</summary>
        /// <param name="topics">The topic filters.</param>
        /// <param name="qosLevels">The highest QoS for each.</param>
        /// <param name="millisecondsTimeout">How long to wait; -1 for as long as
        /// <see cref="MqttSettings.TimeoutOnReceiving"/>.</param>
        /// <returns>The result for each topic filter.</returns>
        /// <exception cref="MqttTimeoutException">The time was up first.</exception>
        /// <exception cref="MqttCommunicationException">The connection ended before the answer.</exception>
        public MqttReasonCode[] SubscribeAndWait(
            string[] topics, MqttQoSLevel[] qosLevels, int millisecondsTimeout)
        {
            Request request = NewSubscription(topics, qosLevels);
            Accept(request);
            Await(request, millisecondsTimeout, "SUBACK");
            return Array.ConvertAll(request.Codes, code => (MqttReasonCode)code);
        }

        /// <summary>Ends subscriptions, without waiting.</summary>
        /// <param name="topics">The topic filters, as they were subscribed to.</param>
        /// <returns>The identifier, which comes back with <see cref="MqttMsgUnsubscribed"/>.</returns>
        /// <exception cref="MqttClientException">A topic filter cannot be used.</exception>
        public ushort Unsubscribe(string[] topics)
        {
            MqttMsgSubscribe.CheckFilters(topics);
            return Accept(new Request { Kind = RequestKind.Unsubscribe, Filters = (string[])topics.Clone() });
        }

        /// <summary>Publishes with QoS 0, without waiting.</summary>
        /// <param name="topic">The topic name.</param>
        /// <param name="message">The payload; null is an empty one.</param>
        /// <returns>The identifier.</returns>
        /// <exception cref="MqttClientException">The topic cannot be used, or the queue is full.</exception>
        public ushort Publish(string topic, byte[] message)
        {
            return Publish(topic, message, MqttQoSLevel.AtMostOnce, false);
        }

        /// <summary>Publishes, without waiting. Without a connection the message is sent with the next one.</summary>
        /// <param name="topic">The topic name.</param>
        /// <param name="message">The payload; null is an empty one.</param>
        /// <param name="qosLevel">The quality of service.</param>
        /// <param name="retain">Whether the server keeps the message.</param>
        /// <returns>The identifier, which comes back with <see cref="MqttMsgPublished"/> at QoS 1 and 2. It is not
        /// used for anything else meanwhile.</returns>
        /// <exception cref="MqttClientException">Topic or QoS cannot be used, the server does not take the QoS, or the
        /// queue is full.</exception>
        /// <exception cref="NotSupportedException">The server keeps no retained messages.</exception>
        /// <exception cref="ArgumentException">The packet would be larger than the server takes.</exception>
        public ushort Publish(string topic, byte[] message, MqttQoSLevel qosLevel, bool retain)
        {
            return Publish(topic, message, null, null, qosLevel, retain);
        }

        /// <summary>Publishes with QoS 0, without waiting.</summary>
        /// <param name="topic">The topic name.</param>
        /// <param name="message">The payload; null is an empty one.</param>
        /// <param name="contentType">What the payload is; null for nothing. MQTT 5.0 only.</param>
        /// <returns>The identifier.</returns>
        /// <exception cref="NotSupportedException">There is a content type before MQTT 5.0.</exception>
        public ushort Publish(string topic, byte[] message, string contentType)
        {
            return Publish(topic, message, contentType, null);
        }

        /// <summary>Publishes with QoS 0, without waiting.</summary>
        /// <param name="topic">The topic name.</param>
        /// <param name="message">The payload; null is an empty one.</param>
        /// <param name="contentType">What the payload is; null for nothing. MQTT 5.0 only.</param>
        /// <param name="userProperties">The user properties, each a <see cref="UserProperty"/>; null for none. MQTT 5.0
        /// only.</param>
        /// <returns>The identifier.</returns>
        /// <exception cref="NotSupportedException">There are properties before MQTT 5.0.</exception>
        /// <exception cref="ArgumentException">An element is not a <see cref="UserProperty"/>.</exception>
        public ushort Publish(string topic, byte[] message, string contentType, ArrayList userProperties)
        {
            return Publish(topic, message, contentType, userProperties, MqttQoSLevel.AtMostOnce, false);
        }

        /// <summary>Publishes, without waiting. Without a connection the message is sent with the next one.</summary>
        /// <param name="topic">The topic name.</param>
        /// <param name="message">The payload; null is an empty one.</param>
        /// <param name="contentType">What the payload is; null for nothing. MQTT 5.0 only.</param>
        /// <param name="userProperties">The user properties, each a <see cref="UserProperty"/>; null for none. MQTT 5.0
        /// only.</param>
        /// <param name="qosLevel">The quality of service.</param>
        /// <param name="retain">Whether the server keeps the message.</param>
        /// <returns>The identifier, which comes back with <see cref="MqttMsgPublished"/> at QoS 1 and 2.</returns>
        /// <exception cref="MqttClientException">Topic or QoS cannot be used, the server does not take the QoS, or the
        /// queue is full.</exception>
        /// <exception cref="NotSupportedException">There are properties before MQTT 5.0, or the server keeps no
        /// retained messages.</exception>
        /// <exception cref="ArgumentException">An element is not a <see cref="UserProperty"/>, or the packet would be
        /// larger than the server takes.</exception>
        public ushort Publish(string topic, byte[] message, string contentType, ArrayList userProperties,
            MqttQoSLevel qosLevel, bool retain)
        {
            MqttMsgPublish packet = new MqttMsgPublish(topic, message, false, qosLevel, retain);
            packet.ContentType = contentType;
            foreach (object item in userProperties ?? new ArrayList())
            {
                if (!(item is UserProperty))
                {
                    throw new ArgumentException("an element is not a UserProperty", nameof(userProperties));
                }

                packet.UserProperties.Add(item);
            }

            return Publish(packet);
        }

        /// <summary>Publishes a message with everything that MQTT 5.0 knows, without waiting. Identifier, DUP flag,
        /// topic alias and subscription identifiers of the packet are not looked at.</summary>
        /// <param name="message">The message.</param>
        /// <returns>The identifier, which comes back with <see cref="MqttMsgPublished"/> at QoS 1 and 2.</returns>
        /// <exception cref="MqttClientException">Topic or QoS cannot be used, the server does not take the QoS, or the
        /// queue is full.</exception>
        /// <exception cref="NotSupportedException">There are properties before MQTT 5.0, or the server keeps no
        /// retained messages.</exception>
        public ushort Publish(MqttMsgPublish message)
        {
            return Accept(NewPublication(message));
        }

        /// <summary>Publishes, and waits for the outcome: at QoS 0 until the message is in the socket, at QoS 1 and 2
        /// until the server has acknowledged it. May be called in every event.</summary>
        /// <param name="topic">The topic name.</param>
        /// <param name="message">The payload; null is an empty one.</param>
        /// <param name="qosLevel">The quality of service.</param>
        /// <param name="retain">Whether the server keeps the message.</param>
        /// <param name="millisecondsTimeout">How long to wait; -1 for as long as
        /// <see cref="MqttSettings.TimeoutOnReceiving"/>.</param>
        /// <returns>The server's reason code; from 0x80 the server refused the message.</returns>
        /// <exception cref="MqttTimeoutException">The time was up first. The message is still on its way.</exception>
        /// <exception cref="MqttCommunicationException">The message was given up.</exception>
        public MqttReasonCode PublishAndWait(
            string topic, byte[] message, MqttQoSLevel qosLevel, bool retain, int millisecondsTimeout)
        {
            Request request = NewPublication(new MqttMsgPublish(topic, message, false, qosLevel, retain));
            Accept(request);
            Await(request, millisecondsTimeout, qosLevel == MqttQoSLevel.ExactlyOnce ? "PUBCOMP" : "PUBACK");
            return (MqttReasonCode)request.Reason;
        }

        /// <summary>Waits until every message that was published has an outcome. May be called in every
        /// event.</summary>
        /// <param name="millisecondsTimeout">How long to wait.</param>
        /// <returns>False if the time was up first.</returns>
        public bool WaitAll(int millisecondsTimeout)
        {
            return core.WaitAll(millisecondsTimeout);
        }

        /// <summary>Answers <see cref="Authentication"/>; or begins a new exchange on the live connection, if the
        /// reason code is <see cref="MqttReasonCode.ReAuthenticate"/>. Does not block. Only the data of the packet
        /// count: the method is that of the connection.</summary>
        /// <param name="message">The answer.</param>
        /// <exception cref="InvalidOperationException">The server has not asked, or was answered already, or no method
        /// was set before <c>Connect</c>.</exception>
        public void SendAuthentication(MqttMsgAuthentication message)
        {
            core.SendAuthentication(message ?? throw new ArgumentNullException(nameof(message)));
        }

        private static Request NewSubscription(string[] topics, MqttQoSLevel[] qosLevels)
        {
            MqttMsgSubscribe.Check(topics, qosLevels);
            return new Request
            {
                Kind = RequestKind.Subscribe,
                Filters = (string[])topics.Clone(),
                Levels = (MqttQoSLevel[])qosLevels.Clone()
            };
        }

        private Request NewPublication(MqttMsgPublish message)
        {
            if (message == null)
            {
                throw new ArgumentNullException(nameof(message));
            }

            MqttMsgPublish.CheckTopic(message.Topic);
            if (message.QosLevel < MqttQoSLevel.AtMostOnce || message.QosLevel > MqttQoSLevel.ExactlyOnce)
            {
                throw new MqttClientException(MqttClientErrorCode.QosNotAllowed);
            }

            MqttProperties properties = Translation.Properties(message);
            if (properties.Count > 0 && ProtocolVersion != MqttProtocolVersion.Version_5)
            {
                throw new NotSupportedException("content type, user properties and the like need MQTT 5.0: set"
                    + " ProtocolVersion to Version_5 before Connect.");
            }

            return new Request
            {
                Kind = RequestKind.Publish,
                Topic = message.Topic,
                Payload = message.Message ?? new byte[0],
                Qos = (int)message.QosLevel,
                Retain = message.Retain,
                Properties = properties.Count > 0 ? properties : null
            };
        }

        private ushort Accept(Request request)
        {
            return core.Accept(request, Settings.InflightQueueSize, Math.Max(1, Settings.TimeoutOnReceiving));
        }

        private void Await(Request request, int millisecondsTimeout, string what)
        {
            int timeout = millisecondsTimeout < 0 ? Settings.TimeoutOnReceiving : millisecondsTimeout;
            if (!core.Wait(request, timeout))
            {
                throw new MqttTimeoutException("no " + what + " came within " + timeout + " ms");
            }

            if (!request.IsAnswered)
            {
                throw new MqttCommunicationException(new InvalidOperationException(request.Text));
            }
        }
    }
}
