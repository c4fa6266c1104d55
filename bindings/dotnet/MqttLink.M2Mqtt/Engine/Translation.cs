using System;
using System.Collections;
using System.Linq;
using MqttLink.Interop;
using nanoFramework.M2Mqtt.Exceptions;
using nanoFramework.M2Mqtt.Messages;

namespace MqttLink.M2Mqtt.Engine
{
    /// <summary>Between what the library says and what M2Mqtt's programs know.</summary>
    internal static class Translation
    {
        /// <summary>The properties of a message that is to be published.</summary>
        internal static MqttProperties Properties(MqttMsgPublish message)
        {
            MqttProperties properties = new MqttProperties();
            if (message.IsPayloadUTF8)
            {
                properties.Set(MqttPropertyId.PayloadFormatIndicator, 1);
            }

            if (message.MessageExpiryInterval > 0)
            {
                properties.Set(MqttPropertyId.MessageExpiryInterval, message.MessageExpiryInterval);
            }

            Set(properties, MqttPropertyId.ContentType, message.ContentType);
            Set(properties, MqttPropertyId.ResponseTopic, message.ResponseTopic);
            if (message.CorrelationData != null)
            {
                properties.Set(MqttPropertyId.CorrelationData, message.CorrelationData);
            }

            foreach (UserProperty property in message.UserProperties)
            {
                properties.AddUser(property.Name, property.Value);
            }

            return properties;
        }

        /// <summary>A message that has come.</summary>
        internal static unsafe MqttMsgPublishDetailedEventArgs Message(IntPtr message)
        {
            NativeView view = NativeView.Of(message);
            MqttMsgPublishDetailedEventArgs arguments = new MqttMsgPublishDetailedEventArgs(
                TopicNames.FromNative((byte*)view.Topic, checked((int)view.TopicLen)),
                Text.Bytes(view.Payload, view.PayloadLen), view.Dup != 0, (MqttQoSLevel)view.Qos, view.Retain != 0);
            if (view.HasProperties != 0)
            {
                MqttProperties properties =
                    MqttProperties.FromNative(NativeMethods.mqttlink_message_properties(message));
                arguments.ContentType = properties.ContentType;
                arguments.ResponseTopic = properties.ResponseTopic;
                arguments.CorrelationData = properties.CorrelationData;
                arguments.MessageExpiryInterval = properties.MessageExpiryInterval;
                arguments.PayloadFormat = (byte)(properties.PayloadFormatIndicator ?? 0);
                AddUser(arguments.UserProperties, properties);
                foreach (uint identifier in properties.SubscriptionIdentifiers)
                {
                    arguments.SubscriptionIdentifiers.Add((int)identifier);
                }
            }

            return arguments;
        }

        /// <summary>CONNACK, as the server accepted with it.</summary>
        internal static MqttMsgConnack Accepted(IntPtr granted)
        {
            MqttConnection connection = MqttConnection.From(granted);
            MqttMsgConnack message = Connack(connection.Properties);
            message.SessionPresent = connection.SessionPresent;
            return message;
        }

        /// <summary>CONNACK, as the server refused with it.</summary>
        internal static MqttMsgConnack Refused(MqttException error, bool v5)
        {
            MqttMsgConnack message = Connack(error.Properties);
            message.ReturnCode = Refusal(error, v5);
            return message;
        }

        /// <summary>The return code of a refusal, in the numbers of the version.</summary>
        internal static MqttReasonCode Refusal(MqttException error, bool v5)
        {
            MqttReasonCode code = (MqttReasonCode)(error.Reason ?? MqttReason.UnspecifiedError);
            if (v5)
            {
                return code;
            }

            switch (code)
            {
                case MqttReasonCode.UnsupportedProtocolVersion:
                    return MqttReasonCode.ConnectionRefusedUnacceptableProtocolVersion;
                case MqttReasonCode.ClientIdentifierNotValid:
                    return MqttReasonCode.ConnectionRefusedIdentifierRejected;
                case MqttReasonCode.ServerUnavailable:
                    return MqttReasonCode.ConnectionRefusedServerUnavailable;
                case MqttReasonCode.BadUserNameOrPassword:
                    return MqttReasonCode.ConnectionRefusedBadUserNameOrPassword;
                case MqttReasonCode.NotAuthorized:
                    return MqttReasonCode.ConnectionRefusedNotAuthorized;
                default:
                    return code;
            }
        }

        /// <summary>The server's DISCONNECT.</summary>
        internal static MqttMsgDisconnect Disconnect(MqttException error)
        {
            MqttMsgDisconnect message = new MqttMsgDisconnect
            {
                ResonCode = (MqttReasonCode)(error.Reason ?? MqttReason.UnspecifiedError),
                Reason = error.ReasonString,
                ServerReference = error.ServerReference
            };
            AddUser(message.UserProperties, error.Properties);
            return message;
        }

        /// <summary>Why a connection did not come about, as M2Mqtt's programs expect it.</summary>
        internal static Exception ConnectFailure(MqttException error)
        {
            bool noLink = error.Stage == MqttStage.Dns || error.Stage == MqttStage.Tcp
                || error.Stage == MqttStage.Tls || error.Status == MqttStatus.TimeoutDns
                || error.Status == MqttStatus.TimeoutTcp || error.Status == MqttStatus.TimeoutTls
                || (error.Status >= MqttStatus.TlsAuthority && error.Status <= MqttStatus.TlsSetup);
            bool ended = error.Status == MqttStatus.ConnectionLost || error.Status == MqttStatus.ConnectionClosed;
            if (noLink && !ended)
            {
                return new MqttConnectionException(error.Message, error);
            }

            Exception suited = error.Suited();
            return suited is ArgumentException ? suited : new MqttCommunicationException(error);
        }

        /// <summary>Why a request cannot be sent, as M2Mqtt's programs expect it.</summary>
        internal static Exception RequestFailure(MqttException error)
        {
            switch (error.Status)
            {
                case MqttStatus.MaximumQoS:
                    return new MqttClientException(MqttClientErrorCode.QosNotAllowed, error.Message);
                case MqttStatus.RetainNotAvailable:
                case MqttStatus.WildcardNotAvailable:
                case MqttStatus.SharedNotAvailable:
                case MqttStatus.SubscriptionIdNotAvailable:
                    return new NotSupportedException(error.Message, error);
                case MqttStatus.MaximumPacketSize:
                case MqttStatus.PacketTooLarge:
                    return new ArgumentException(error.Message, error);
                case MqttStatus.NotInVersion:
                    return new NotSupportedException(error.Message, error);
                default:
                    Exception suited = error.Suited();
                    return suited is MqttException ? new MqttCommunicationException(error) : suited;
            }
        }

        /// <summary>The reason code that fits a request which was given up without the server's word.</summary>
        internal static int ReasonOf(MqttException error)
        {
            if (error.Reason.HasValue)
            {
                return (int)error.Reason.Value;
            }

            switch (error.Status)
            {
                case MqttStatus.MaximumQoS: return (int)MqttReasonCode.QoSNotSupported;
                case MqttStatus.RetainNotAvailable: return (int)MqttReasonCode.RetainNotSupported;
                case MqttStatus.MaximumPacketSize:
                case MqttStatus.PacketTooLarge: return (int)MqttReasonCode.PacketTooLarge;
                case MqttStatus.WildcardNotAvailable:
                    return (int)MqttReasonCode.WildcardSubscriptionsNotSupported;
                case MqttStatus.SharedNotAvailable: return (int)MqttReasonCode.SharedSubscriptionsNotSupported;
                case MqttStatus.InvalidTopic: return (int)MqttReasonCode.TopicNameInvalid;
                case MqttStatus.InvalidFilter: return (int)MqttReasonCode.TopicFilterInvalid;
                default: return (int)MqttReasonCode.UnspecifiedError;
            }
        }

        /// <summary>The codes of an answer, and the server's remark.</summary>
        internal static int[] Results(IntPtr results, out string reason)
        {
            int count = (int)NativeMethods.mqttlink_results_count(results);
            reason = MqttProperties.FromNative(NativeMethods.mqttlink_results_properties(results)).ReasonString;
            return Enumerable.Range(0, count)
                .Select(index => NativeMethods.mqttlink_results_at(results, NativeMethods.Size(index)))
                .ToArray();
        }

        private static MqttMsgConnack Connack(MqttProperties properties)
        {
            MqttMsgConnack message = new MqttMsgConnack();
            message.SessionExpiryInterval = properties.Number(MqttPropertyId.SessionExpiryInterval) ?? 0;
            message.ReceiveMaximum =
                (ushort)(properties.Number(MqttPropertyId.ReceiveMaximum) ?? ushort.MaxValue);
            message.MaximumQosLevel = (MqttQoSLevel)(properties.Number(MqttPropertyId.MaximumQoS) ?? 2);
            message.MaximumPacketSize = properties.Number(MqttPropertyId.MaximumPacketSize) ?? 0;
            message.TopicAliasMaximum = (ushort)(properties.Number(MqttPropertyId.TopicAliasMaximum) ?? 0);
            message.ServerKeepAlive = (ushort)(properties.Number(MqttPropertyId.ServerKeepAlive) ?? 0);
            message.RetainAvailable = IsOn(properties, MqttPropertyId.RetainAvailable);
            message.WildcardSubscriptionAvailable =
                IsOn(properties, MqttPropertyId.WildcardSubscriptionAvailable);
            message.SubscriptionIdentifiersAvailable =
                IsOn(properties, MqttPropertyId.SubscriptionIdentifierAvailable);
            message.SharedSubscriptionAvailable = IsOn(properties, MqttPropertyId.SharedSubscriptionAvailable);
            message.AssignedClientIdentifier = properties.Text(MqttPropertyId.AssignedClientIdentifier);
            message.Reason = properties.ReasonString;
            message.ResponseInformation = properties.Text(MqttPropertyId.ResponseInformation);
            message.ServerReference = properties.Text(MqttPropertyId.ServerReference);
            message.AuthenticationMethod = properties.Text(MqttPropertyId.AuthenticationMethod);
            message.AuthenticationData = properties.Data(MqttPropertyId.AuthenticationData);
            AddUser(message.UserProperties, properties);
            return message;
        }

        private static bool IsOn(MqttProperties properties, MqttPropertyId id)
        {
            return (properties.Number(id) ?? 1) == 1;
        }

        private static void Set(MqttProperties properties, MqttPropertyId id, string value)
        {
            if (value != null)
            {
                properties.Set(id, value);
            }
        }

        private static void AddUser(ArrayList list, MqttProperties properties)
        {
            foreach (var property in properties.UserProperties)
            {
                list.Add(new UserProperty(property.Key, property.Value));
            }
        }
    }
}
