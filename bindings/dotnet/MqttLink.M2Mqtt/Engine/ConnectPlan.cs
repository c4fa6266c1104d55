using System;
using System.Collections;
using MqttLink.Interop;
using nanoFramework.M2Mqtt;
using nanoFramework.M2Mqtt.Messages;

namespace MqttLink.M2Mqtt.Engine
{
    /// <summary>Everything about one connection.</summary>
    internal sealed class ConnectPlan
    {
        internal string Host;
        internal int Port;

        /// <summary>Null without TLS.</summary>
        internal TlsPlan Tls;

        /// <summary>What CONNECT says; its version is the connection's.</summary>
        internal MqttMsgConnect Connect;

        /// <summary>Whether <c>Connect</c> returns before the server has answered.</summary>
        internal bool IsAuthenticationFlow;

        internal MqttSettings Settings;

        /// <summary>Whether the program wants to see the packets.</summary>
        internal bool ShowsPackets;

        /// <summary>Connections of the same identity go on with the same session.</summary>
        internal string Identity
        {
            get
            {
                return Host + "\n" + Port + "\n" + (int)Connect.ProtocolVersion + "\n" + ShowsPackets + "\n"
                    + Connect.ClientId;
            }
        }

        internal bool IsV5
        {
            get { return Connect.ProtocolVersion == MqttProtocolVersion.Version_5; }
        }

        /// <exception cref="ArgumentException">Something cannot be used.</exception>
        internal OptionsHandle ToNative(Exchange exchange)
        {
            NativeLibraryFinder.Ensure();
            OptionsHandle options;
            MqttException.Check(NativeMethods.mqttlink_options_new_for(
                Text.Required(Host, "brokerHostName"), checked((ushort)Port), out options));
            try
            {
                ApplyAll(options);
                ApplySettings(options);
                Tls?.Apply(options, Settings.ValidateServerCertificate);
                if (IsV5)
                {
                    ApplyV5(options);
                    exchange?.Apply(options);
                }

                return options;
            }
            catch
            {
                options.Dispose();
                throw;
            }
        }

        private void ApplyAll(OptionsHandle options)
        {
            MqttException.Check(NativeMethods.mqttlink_options_set_version(options, (int)Connect.ProtocolVersion));
            MqttException.Check(NativeMethods.mqttlink_options_set_client_id(
                options, Text.Required(Connect.ClientId ?? string.Empty, "clientId")));
            MqttException.Check(NativeMethods.mqttlink_options_set_credentials(
                options, Text.ToNative(Connect.Username, "username"), Text.ToNative(Connect.Password, "password")));
            MqttException.Check(NativeMethods.mqttlink_options_set_clean_start(options, Connect.CleanSession));
            MqttException.Check(NativeMethods.mqttlink_options_set_keep_alive(options, Connect.KeepAlivePeriod));
            if (Connect.WillFlag)
            {
                ApplyWill(options);
            }
        }

        private unsafe void ApplyWill(OptionsHandle options)
        {
            byte[] payload = Connect.WillPayload;
            fixed (byte* data = payload)
            {
                using (PropertiesHandle properties = MqttProperties.ToNative(WillProperties()))
                {
                    MqttException.Check(NativeMethods.mqttlink_options_set_will(options,
                        Text.Required(Connect.WillTopic, "willTopic"), data, NativeMethods.Size(payload.Length),
                        Connect.WillQosLevel, Connect.WillRetain,
                        properties == null ? IntPtr.Zero : properties.Pointer));
                }
            }
        }

        private MqttProperties WillProperties()
        {
            if (!IsV5)
            {
                return null;
            }

            MqttMsgPublish will = Connect.WillProperties;
            MqttProperties properties = will == null ? new MqttProperties() : Translation.Properties(will);
            if (Connect.WillDelayInterval > 0)
            {
                properties.Set(MqttPropertyId.WillDelayInterval, Connect.WillDelayInterval);
            }

            return properties;
        }

        private void ApplySettings(OptionsHandle options)
        {
            uint connect = (uint)Math.Max(1, Settings.TimeoutOnConnection);
            uint answer = (uint)Math.Max(1, Settings.TimeoutOnReceiving);
            MqttException.Check(NativeMethods.mqttlink_options_set_connect_timeout(options, connect));
            MqttException.Check(NativeMethods.mqttlink_options_set_response_timeout(options, answer));
        }

        private void ApplyV5(OptionsHandle options)
        {
            MqttException.Check(
                NativeMethods.mqttlink_options_set_session_expiry(options, Connect.SessionExpiryInterval));
            MqttException.Check(
                NativeMethods.mqttlink_options_set_receive_maximum(options, Connect.ReceiveMaximum));
            MqttException.Check(
                NativeMethods.mqttlink_options_set_topic_alias_maximum(options, Connect.TopicAliasMaximum));
            MqttException.Check(NativeMethods.mqttlink_options_set_request_response_information(
                options, Connect.RequestResponseInformation));
            MqttException.Check(NativeMethods.mqttlink_options_set_request_problem_information(
                options, Connect.ProblemInformation ?? true));
            if (Connect.MaximumPacketSize > 0)
            {
                MqttException.Check(
                    NativeMethods.mqttlink_options_set_maximum_packet_size(options, Connect.MaximumPacketSize));
            }

            foreach (UserProperty property in Connect.UserProperties ?? new ArrayList())
            {
                MqttException.Check(NativeMethods.mqttlink_options_add_user_property(
                    options, Text.Required(property.Name, "name"), Text.Required(property.Value, "value")));
            }
        }
    }
}
