using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading;
using MqttLink.TestRunner;

namespace MqttLink.Tests
{
    /// <summary>Clients that come and go, in every way that programs have them.</summary>
    public sealed class LifetimeTests
    {
        private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);
        private static readonly TimeSpan Long = TimeSpan.FromSeconds(60);

        private static int Threads()
        {
            return Directory.GetDirectories("/proc/self/task").Length;
        }

        private static int Files()
        {
            return Directory.GetFiles("/proc/self/fd").Length;
        }

        private static long Memory()
        {
            var line = File.ReadAllLines("/proc/self/status").First(text => text.StartsWith("VmRSS:"));
            return long.Parse(line.Split(new[] { ' ', '\t' }, StringSplitOptions.RemoveEmptyEntries)[1]);
        }

        [Test(Seconds = 120)]
        public void Collecting_garbage_beside_100000_messages_loses_nothing()
        {
            const int count = 100000;
            var stop = false;
            // Without it, what a slow reader is late with would be dropped.
            var options = MqttBrokerOptions.ForTest()
                .With(MqttBrokerSetting.QueuedMessagesPerClient, count)
                .With(MqttBrokerSetting.QueuedBytesPerClient, 1 << 30);
            using (var broker = new MqttBroker(options))
            using (var client = new MqttClient(broker.Url))
            using (var done = new ManualResetEvent(false))
            {
                var received = 0;
                var acknowledged = 0;
                client.Published += (sender, published) => Interlocked.Increment(ref acknowledged);
                client.Connect();
                client.Subscribe("n", MqttQoS.AtLeastOnce, message =>
                {
                    Check.Equal(received, BitConverter.ToInt32(message.Payload, 0));
                    if (Interlocked.Increment(ref received) == count)
                    {
                        done.Set();
                    }
                });
                Exception failed = null;
                client.HandlerError += (sender, error) => failed = error.Exception;
                var collections = 0;
                var collector = new Thread(() =>
                {
                    while (!Volatile.Read(ref stop))
                    {
                        // As often as messages come, whatever else this machine does.
                        var seen = Volatile.Read(ref received);
                        GC.Collect();
                        collections++;
                        SpinWait.SpinUntil(
                            () => Volatile.Read(ref stop) || Volatile.Read(ref received) >= seen + 50);
                    }
                });
                collector.Start();
                for (var number = 0; number < count; number++)
                {
                    var message = new MqttPublication("n", BitConverter.GetBytes(number))
                    {
                        QoS = MqttQoS.AtLeastOnce,
                    };
                    client.Post(message);
                }
                Check.True(done.WaitOne(TimeSpan.FromSeconds(100)),
                    "that all come: " + Volatile.Read(ref received) + " did, " + Volatile.Read(ref acknowledged)
                    + " are acknowledged");
                Check.Eventually(() => Volatile.Read(ref acknowledged) == count, "the last acknowledgement");
                Volatile.Write(ref stop, true);
                collector.Join();
                Check.Equal(null, failed);
                Check.True(collections > 100, "that garbage was collected often: " + collections);
            }
        }

        [Test(Seconds = 240)]
        public void Ten_thousand_clients_made_and_disposed_leave_nothing()
        {
            using (var broker = new MqttBroker())
            {
                Action cycle = () =>
                {
                    using (var client = new MqttClient(broker.InProcess()))
                    {
                        client.Connect();
                        client.Subscribe("a", MqttQoS.AtLeastOnce, message => { });
                        client.Publish("a", "x", MqttQoS.AtLeastOnce).Wait();
                    }
                };
                Repeat(cycle, 2000);
                var (threads, files, memory) = (Threads(), Files(), Memory());
                Repeat(cycle, 10000);
                NothingIsLeft(threads, files);
                var grown = Memory() - memory;
                // A heap may settle late; a leak goes on.
                for (var round = 0; grown >= 16 * 1024 && round < 3; round++)
                {
                    memory = Memory();
                    Repeat(cycle, 5000);
                    grown = 2 * (Memory() - memory);
                }
                Check.True(grown < 16 * 1024, "that memory stays flat: it grew by " + grown + " KiB in 10,000 rounds");
            }
        }

        // The system lists a thread for a moment after it was joined, and the runtime has some of its own.
        private static void NothingIsLeft(int threads, int files)
        {
            Check.Eventually(
                () => Threads() <= threads + 20 && Files() <= files + 20,
                "the end of threads and files; at first there were " + threads + " and " + files + ", then "
                + Threads() + " and " + Files());
        }

        // Garbage that nobody has collected yet is no leak, but would look like one.
        private static void Repeat(Action cycle, int times)
        {
            for (var round = 0; round < times; round++)
            {
                cycle();
                if (round % 500 == 499)
                {
                    Settle();
                }
            }
        }

        internal static void Settle()
        {
            for (var round = 0; round < 3; round++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        }

        [Test(Seconds = 60)]
        public void A_thousand_failed_connects_leave_nothing()
        {
            Action cycle = () =>
            {
                using (var client = new MqttClient("mqtt://127.0.0.1:1"))
                {
                    Check.Throws<MqttException>(() => client.Connect());
                }
            };
            for (var round = 0; round < 200; round++)
            {
                cycle();
            }
            Settle();
            var (threads, files) = (Threads(), Files());
            for (var round = 0; round < 1000; round++)
            {
                cycle();
            }
            Settle();
            NothingIsLeft(threads, files);
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static void Forget(MqttBroker broker, string prefix, int count)
        {
            for (var number = 0; number < count; number++)
            {
                var client = new MqttClient(new MqttClientOptions(broker.Url).WithClientId(prefix + number));
                client.Connect();
                // The handler holds the client, as handlers do.
                client.Subscribe("a", MqttQoS.AtMostOnce, message => client.Send(new MqttPublication("b", "x")));
                client.MessageReceived += (sender, message) => client.Send(new MqttPublication("c", "x"));
            }
        }

        [Test(Seconds = 60)]
        public void Clients_that_nobody_disposes_are_collected()
        {
            using (var broker = new MqttBroker())
            {
                Forget(broker, "forgotten", 20);
                Check.Eventually(
                    () =>
                    {
                        Settle();
                        return broker.Clients.Count <= 2;
                    },
                    "the end of clients that are forgotten", 50);
            }
        }

        [Test]
        public void A_client_that_is_awaited_is_not_collected()
        {
            using (var broker = new MqttBroker())
            {
                broker.BreakMessages("slow", MqttMessageFault.DelayMessagesMs, 500);
                var task = PublishOnly(broker);
                while (!task.IsCompleted)
                {
                    Settle();
                }
                Check.Equal(MqttReason.Success, task.Result.Reason);
            }
        }

        [MethodImpl(MethodImplOptions.NoInlining)]
        private static System.Threading.Tasks.Task<MqttPublishResult> PublishOnly(MqttBroker broker)
        {
            broker.BreakConnection("slow", MqttConnectionFault.DelayMs, 300);
            var client = new MqttClient(new MqttClientOptions(broker.Url).WithClientId("slow"));
            client.Connect();
            client.Subscribe("a", MqttQoS.AtMostOnce);
            return client.PublishAsync("a", new byte[0], MqttQoS.ExactlyOnce);
        }

        [Test(Seconds = 60)]
        [Case("opened")]
        [Case("message")]
        [Case("own")]
        [Case("published")]
        [Case("subscribed")]
        [Case("unsubscribed")]
        [Case("server")]
        [Case("closed")]
        [Case("failed")]
        [Case("packet")]
        public void Dispose_inside_an_event(string where)
        {
            using (var broker = new MqttBroker())
            using (var over = new ManualResetEvent(false))
            {
                var options = new MqttClientOptions(broker.Url).WithClientId("self").WithPacketTrace();
                if (where == "failed")
                {
                    broker.BreakConnection("self", MqttConnectionFault.Refuse, 0x88);
                }
                var client = new MqttClient(options);
                Action end = () =>
                {
                    client.Dispose();
                    over.Set();
                };
                Attach(client, where, end);
                try
                {
                    client.Connect();
                    client.Subscribe("a", MqttQoS.AtLeastOnce);
                    if (where == "own")
                    {
                        client.Subscribe("own", MqttQoS.AtLeastOnce, message => end());
                        client.Post(new MqttPublication("own", "x"));
                    }
                    client.PostSubscribe(new MqttSubscription("b"));
                    client.PostUnsubscribe("b");
                    client.Post(new MqttPublication("a", "x") { QoS = MqttQoS.ExactlyOnce });
                    if (where == "server")
                    {
                        broker.Disconnect("self");
                    }
                    else if (where == "closed")
                    {
                        client.Disconnect();
                    }
                }
                catch (Exception exception) when (exception is ObjectDisposedException || exception is MqttException)
                {
                    // The client was gone before the last of these calls.
                }
                Check.Signalled(over, "the end inside the event");
                broker.WaitForClientToGo("self", Soon);
                Check.Throws<ObjectDisposedException>(() => client.Publish("a", "x"));
            }
        }

        private static void Attach(MqttClient client, string where, Action end)
        {
            switch (where)
            {
                case "opened":
                    client.ConnectionOpened += (sender, arguments) => end();
                    break;
                case "message":
                    client.MessageReceived += (sender, arguments) => end();
                    break;
                case "published":
                    client.Published += (sender, arguments) => end();
                    break;
                case "subscribed":
                    client.Subscribed += (sender, arguments) => end();
                    break;
                case "unsubscribed":
                    client.Unsubscribed += (sender, arguments) => end();
                    break;
                case "server":
                    client.ServerDisconnected += (sender, arguments) => end();
                    break;
                case "closed":
                    client.ConnectionClosed += (sender, arguments) => end();
                    break;
                case "failed":
                    client.ConnectFailed += (sender, arguments) => end();
                    break;
                case "packet":
                    client.PacketTraced += (sender, arguments) => end();
                    break;
            }
        }

        [Test(Seconds = 100)]
        [Case("connecting")]
        [Case("publishing")]
        [Case("receiving")]
        [Case("waiting")]
        [Case("disconnecting")]
        public void Dispose_wakes_every_call(string where)
        {
            Check.Within(2500, "to dispose while another thread is " + where, () => DisposeBeside(where));
        }

        private static long DisposeBeside(string where)
        {
            using (var muted = new Muted())
            {
                var options = new MqttClientOptions(muted.Url).WithReceive().WithWindow(1)
                    .WithConnectTimeout(Long).WithPublishTimeout(Long);
                var client = new MqttClient(options);
                MqttDelivery delivery = null;
                if (where != "connecting")
                {
                    client.Connect();
                    delivery = client.Publish("a", "x", MqttQoS.AtLeastOnce);
                }
                else
                {
                    // The one connection that is answered.
                    new MqttClient(muted.Url).Connect();
                }
                Exception thrown = null;
                var begun = new ManualResetEvent(false);
                var thread = new Thread(() =>
                {
                    begun.Set();
                    try
                    {
                        Call(client, delivery, where);
                    }
                    catch (Exception exception)
                    {
                        thrown = exception;
                    }
                });
                thread.Start();
                begun.WaitOne();
                Check.True(!thread.Join(100), "that the call waits");
                var clock = Stopwatch.StartNew();
                client.Dispose();
                Check.True(thread.Join(Soon), "that the call returns");
                var took = clock.ElapsedMilliseconds;
                // A disconnect that is cut short hands back what is left.
                var told = where == "disconnecting" && thrown == null;
                Check.True(told || thrown is MqttException || thrown is ObjectDisposedException, "" + thrown);
                return took;
            }
        }

        private static void Call(MqttClient client, MqttDelivery delivery, string where)
        {
            switch (where)
            {
                case "connecting":
                    client.Connect();
                    break;
                case "publishing":
                    client.Publish("a", "x", MqttQoS.AtLeastOnce);
                    break;
                case "receiving":
                    client.Receive();
                    break;
                case "waiting":
                    delivery.Wait(Long);
                    break;
                case "disconnecting":
                    client.Disconnect(Long);
                    break;
            }
        }
    }
}
