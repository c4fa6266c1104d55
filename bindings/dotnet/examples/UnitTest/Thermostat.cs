using System;
using System.Globalization;
using MqttLink;

namespace UnitTest
{
    /// <summary>What is tested: switches a heating on and off as the temperature says.</summary>
    public sealed class Thermostat : IDisposable
    {
        private readonly MqttClient client;

        /// <summary>Connects to the broker of a URL.</summary>
        public Thermostat(string url)
        {
            var will = new MqttPublication("thermostat/state", "gone") { Retain = true };
            client = new MqttClient(new MqttClientOptions(url)
                .WithClientId("thermostat").WithWill(will).WithReconnect(new MqttReconnectPolicy()));
            client.Connect();
            client.Subscribe("room/temperature", MqttQoS.AtLeastOnce, Decide);
        }

        /// <summary>Goes without a goodbye.</summary>
        public void Dispose()
        {
            client.Dispose();
        }

        private void Decide(MqttMessage message)
        {
            var degrees = double.Parse(message.Text, CultureInfo.InvariantCulture);
            client.Send(new MqttPublication("heating", degrees < 20 ? "on" : "off") { QoS = MqttQoS.AtLeastOnce });
        }
    }
}
