using System;
using MqttLink;
using MqttLink.TestRunner;

namespace UnitTest
{
    /// <summary>
    /// Tests of a program that speaks MQTT, with a broker in the process: no port to choose, nothing to install, no
    /// time to wait. The same works with xunit, NUnit and MSTest.
    /// </summary>
    public sealed class ThermostatTests : IDisposable
    {
        private static readonly TimeSpan Soon = TimeSpan.FromSeconds(5);

        private readonly MqttBroker broker = new MqttBroker();

        private static int Main(string[] arguments)
        {
            return Runner.Run(typeof(ThermostatTests).Assembly, arguments);
        }

        /// <summary>The broker of each test is its own.</summary>
        public void Dispose()
        {
            broker.Dispose();
        }

        /// <summary>What goes in, and what has to come out.</summary>
        [Test]
        [Case("18.5", "on")]
        [Case("21", "off")]
        public void Heats_when_it_is_cold(string temperature, string expected)
        {
            using (new Thermostat(broker.Url))
            using (var heating = broker.Subscribe("heating"))
            {
                broker.WaitForSubscription("thermostat", "room/temperature", Soon);
                broker.Publish(new MqttPublication("room/temperature", temperature));
                using (var message = heating.Receive(Soon))
                {
                    Check.Equal(expected, message.Text);
                }
            }
        }

        /// <summary>The network fails, and it is still there.</summary>
        [Test]
        public void Survives_a_lost_connection()
        {
            using (new Thermostat(broker.Url))
            using (var heating = broker.Subscribe("heating"))
            {
                broker.WaitForSubscription("thermostat", "room/temperature", Soon);
                broker.Disconnect("thermostat", MqttReason.ServerBusy);
                broker.WaitForClientToGo("thermostat", Soon);
                broker.WaitForSubscription("thermostat", "room/temperature", Soon);
                broker.Publish(new MqttPublication("room/temperature", "15"));
                using (var message = heating.Receive(Soon))
                {
                    Check.Equal("on", message.Text);
                }
            }
        }

        /// <summary>It dies, and everybody knows.</summary>
        [Test]
        public void Leaves_its_will()
        {
            using (var state = broker.Subscribe("thermostat/state"))
            {
                new Thermostat(broker.Url).Dispose();
                using (var message = state.Receive(Soon))
                {
                    Check.Equal("gone", message.Text);
                }
            }
        }
    }
}
