using System;
using System.Collections.Generic;
using System.Threading;

namespace MqttLink.Tests
{
    /// <summary>A process that ends while clients are at work: the other half of <see cref="ExitTests"/>.</summary>
    internal static class Child
    {
        internal static int Run(string how, string url)
        {
            var busy = new ManualResetEvent(false);
            var received = 0;
            var clients = new List<MqttClient>();
            for (var number = 0; number < 3; number++)
            {
                var client = new MqttClient(url);
                client.Connect();
                client.Subscribe("busy", MqttQoS.AtLeastOnce, message =>
                {
                    if (Interlocked.Increment(ref received) == 100)
                    {
                        busy.Set();
                        if (how == "handler")
                        {
                            Environment.Exit(0);
                        }
                    }
                });
                client.Published += (sender, published) => { };
                clients.Add(client);
            }
            foreach (var client in clients)
            {
                new Thread(() => Publish(client)) { IsBackground = true }.Start();
            }
            busy.WaitOne();
            if (how == "exit")
            {
                Environment.Exit(0);
            }
            if (how == "handler")
            {
                Thread.Sleep(Timeout.Infinite);
            }
            return 0;
        }

        private static void Publish(MqttClient client)
        {
            try
            {
                while (true)
                {
                    client.Post(new MqttPublication("busy", "x") { QoS = MqttQoS.AtLeastOnce });
                }
            }
            catch (Exception exception) when (exception is MqttException || exception is ObjectDisposedException)
            {
                // The process is on its way out.
            }
        }
    }
}
