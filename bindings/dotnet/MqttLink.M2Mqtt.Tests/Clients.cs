using nanoFramework.M2Mqtt;

namespace M2Mqtt.Tests
{
    /// <summary>Clients for the brokers of tests.</summary>
    internal static class Clients
    {
        internal static MqttClient For(MqttLink.Tests.Mosquitto broker, MqttProtocolVersion version)
        {
            return For(broker.Port, version);
        }

        internal static MqttClient For(int port, MqttProtocolVersion version)
        {
            return new MqttClient("127.0.0.1", port, false, null, null, MqttSslProtocols.None)
            {
                ProtocolVersion = version
            };
        }
    }
}
