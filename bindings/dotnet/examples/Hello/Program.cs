using System;
using System.Threading;
using MqttLink;

namespace Hello
{
    /// <summary>Says hello to itself, through the broker of a URL, or one in this process.</summary>
    internal static class Program
    {
        private static void Main(string[] arguments)
        {
            using (var broker = new MqttBroker())
            using (var client = new MqttClient(arguments.Length > 0 ? arguments[0] : broker.Url))
            using (var heard = new ManualResetEvent(false))
            {
                client.HandlerError += (sender, error) => Console.Error.WriteLine(error.Exception);
                client.Connect();
                client.Subscribe("greetings/+", MqttQoS.AtLeastOnce, message =>
                {
                    Console.WriteLine(message.Topic + ": " + message.Text);
                    heard.Set();
                });
                client.Publish("greetings/world", "hello", MqttQoS.AtLeastOnce).Wait();
                heard.WaitOne(TimeSpan.FromSeconds(10));
                client.Disconnect();
            }
        }
    }
}
