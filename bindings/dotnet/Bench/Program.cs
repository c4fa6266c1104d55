using System;
using System.Diagnostics;
using System.Globalization;
using System.Threading;
using MqttLink;

namespace Bench
{
    /// <summary>
    /// The .NET assembly, doing the benchmark's jobs: <c>PORT VERB QOS SIZE COUNT</c>. Prints messages per second, and
    /// how many bytes of managed memory each message took.
    /// </summary>
    internal static class Program
    {
        private const string Topic = "bench/topic";
        private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

        private static int Main(string[] arguments)
        {
            var qos = (MqttQoS)int.Parse(arguments[2]);
            var size = int.Parse(arguments[3]);
            var count = int.Parse(arguments[4]);
            var options = new MqttClientOptions("127.0.0.1", int.Parse(arguments[0]))
                .WithProtocol(MqttProtocol.Mqtt311).WithWindow(100).WithKeepAlive(TimeSpan.Zero)
                .WithPublishTimeout(Patience);
            var client = new MqttClient(options);
            client.Connect();
            if (arguments[1] == "publish")
            {
                Publish(client, qos, new byte[size], count);
            }
            else
            {
                Receive(client, qos, size, count);
            }
            Console.Out.Flush();
            Environment.Exit(0);
            return 0;
        }

        private static void Publish(MqttClient client, MqttQoS qos, byte[] payload, int count)
        {
            var allocated = GC.GetTotalAllocatedBytes(true);
            var clock = Stopwatch.StartNew();
            for (var number = 0; number < count; number++)
            {
                client.Send(new MqttPublication(Topic, payload) { QoS = qos });
            }
            client.Publish(Topic, new byte[0], MqttQoS.AtLeastOnce).Wait(Patience);
            Report(count, clock.Elapsed, GC.GetTotalAllocatedBytes(true) - allocated);
        }

        private static void Receive(MqttClient client, MqttQoS qos, int size, int count)
        {
            var received = 0;
            var allocated = 0L;
            var clock = new Stopwatch();
            using (var done = new ManualResetEvent(false))
            {
                client.Subscribe(Topic, qos, message =>
                {
                    if (message.Payload.Length != size)
                    {
                        Environment.Exit(1);
                    }
                    if (received++ == 0)
                    {
                        allocated = GC.GetTotalAllocatedBytes(false);
                        clock.Start();
                    }
                    if (received == count)
                    {
                        clock.Stop();
                        done.Set();
                    }
                });
                done.WaitOne();
            }
            Report(count, clock.Elapsed, GC.GetTotalAllocatedBytes(true) - allocated);
        }

        private static void Report(int count, TimeSpan elapsed, long allocated)
        {
            Console.WriteLine((count / elapsed.TotalSeconds).ToString(CultureInfo.InvariantCulture));
            Console.WriteLine(((double)allocated / count).ToString(CultureInfo.InvariantCulture));
        }
    }
}
