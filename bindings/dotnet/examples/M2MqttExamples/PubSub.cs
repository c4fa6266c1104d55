using System;
using System.Text;
using System.Threading;
using nanoFramework.M2Mqtt;
using nanoFramework.M2Mqtt.Messages;

namespace M2MqttExamples
{
    /// <summary>A subscriber and a publisher, as every program for M2Mqtt begins.</summary>
    internal static class PubSub
    {
        /// <summary>Both: the subscriber waits for what the publisher sends.</summary>
        internal static bool Run(string host, int port)
        {
            bool received = false;
            ManualResetEvent subscribed = new ManualResetEvent(false);
            Thread subscriber = new Thread(() => received = Subscriber(host, port, 1, subscribed));
            subscriber.Start();
            subscribed.WaitOne(10000);
            bool published = Publisher(host, port, "/home/temperature", "21.5");
            subscriber.Join(10000);
            return received && published;
        }

        /// <summary>Prints messages until so many have come.</summary>
        internal static bool Subscriber(string host, int port, int count, ManualResetEvent subscribed = null)
        {
            // Create the client, register the handler, connect, subscribe.
            using (MqttClient client = new MqttClient(host, port, false, null, null, MqttSslProtocols.None))
            using (CountdownEvent left = new CountdownEvent(count))
            {
                client.MqttMsgPublishReceived += (sender, e) =>
                {
                    Console.WriteLine(e.Topic + ": " + Encoding.UTF8.GetString(e.Message));
                    left.Signal();
                };
                client.MqttMsgSubscribed += (sender, e) => subscribed?.Set();
                if (client.Connect(Guid.NewGuid().ToString()) != MqttReasonCode.Success)
                {
                    return false;
                }

                client.Subscribe(new[] { "/home/temperature" }, new[] { MqttMsgBase.ExactlyOnce });
                bool all = left.Wait(10000);
                client.Disconnect();
                return all;
            }
        }

        /// <summary>Publishes one message, and waits until the server has it.</summary>
        internal static bool Publisher(string host, int port, string topic, string text)
        {
            using (MqttClient client = new MqttClient(host, port, false, null, null, MqttSslProtocols.None))
            using (ManualResetEvent published = new ManualResetEvent(false))
            {
                client.MqttMsgPublished += (sender, e) =>
                {
                    Console.WriteLine("message " + e.MessageId + " is published: " + e.IsPublished);
                    published.Set();
                };
                if (client.Connect(Guid.NewGuid().ToString()) != MqttReasonCode.Success)
                {
                    return false;
                }

                client.Publish(topic, Encoding.UTF8.GetBytes(text), MqttQoSLevel.ExactlyOnce, false);
                bool acknowledged = published.WaitOne(10000);
                client.Disconnect();
                return acknowledged;
            }
        }
    }
}
