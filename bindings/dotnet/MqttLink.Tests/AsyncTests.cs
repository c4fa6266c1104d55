using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using MqttLink.TestRunner;

namespace MqttLink.Tests
{
    /// <summary>The forms that return tasks: outcomes, order, cancellation, and no thread of the pool blocked.</summary>
    public sealed class AsyncTests : IDisposable
    {
        private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

        private readonly MqttBroker broker = new MqttBroker();

        public void Dispose()
        {
            broker.Dispose();
        }

        private static void Cancels(Task task)
        {
            try
            {
                Check.True(task.Wait(Soon), "that a cancelled task ends");
            }
            catch (AggregateException exception)
            {
                Check.True(exception.InnerException is OperationCanceledException, exception.ToString());
            }
            Check.True(task.IsCanceled, "that the task says it was cancelled");
        }

        [Test]
        public async Task A_whole_life_without_a_blocking_call()
        {
            using (var client = new MqttClient(new MqttClientOptions(broker.Url).WithReceive()))
            {
                var connection = await client.ConnectAsync();
                Check.Equal(MqttProtocol.Mqtt50, connection.Protocol);
                var answer = await client.SubscribeAsync(new MqttSubscription("a/#", MqttQoS.ExactlyOnce));
                Check.Equal(MqttQoS.ExactlyOnce, answer.GrantedQoS(0));
                foreach (MqttQoS qos in Enum.GetValues(typeof(MqttQoS)))
                {
                    var waiting = client.ReceiveAsync();
                    var result = await client.PublishAsync("a/" + qos, new byte[] { 1 }, qos);
                    Check.Equal(MqttReason.Success, result.Reason);
                    using (var message = await waiting)
                    {
                        Check.Equal("a/" + qos, message.Topic);
                    }
                }
                var none = await client.PublishAsync("nobody", new byte[0], MqttQoS.AtLeastOnce);
                Check.Equal(MqttReason.NoMatchingSubscribers, none.Reason);
                await client.UnsubscribeAsync(new[] { "a/#" });
                await client.DisconnectAsync();
                Check.Equal(MqttClientState.Disconnected, client.State);
                await client.ReconnectAsync();
                Check.True(client.IsConnected, "that it is connected again");
            }
        }

        [Test]
        public void Tasks_continue_off_the_dispatcher_thread()
        {
            using (var client = new MqttClient(broker.Url))
            {
                client.Connect();
                // Each continuation blocks until the next message is acknowledged: on the dispatcher, that would be never.
                var done = client.PublishAsync("a", new byte[0], MqttQoS.AtLeastOnce).ContinueWith(
                    task => client.Publish("a", "x", MqttQoS.ExactlyOnce).Wait(),
                    TaskContinuationOptions.ExecuteSynchronously);
                Check.True(done.Wait(Soon), "that it goes on");
            }
        }

        [Test(Seconds = 60)]
        public void Order_holds_through_a_full_window()
        {
            const int count = 20000;
            using (var client = new MqttClient(new MqttClientOptions(broker.Url).WithWindow(10)))
            using (var got = new BlockingCollection<int>())
            using (broker.Subscribe("n", message => got.Add(BitConverter.ToInt32(message.Payload, 0))))
            {
                client.Connect();
                var buffer = new byte[4];
                var tasks = new List<Task<MqttPublishResult>>();
                for (var number = 0; number < count; number++)
                {
                    BitConverter.GetBytes(number).CopyTo(buffer, 0);
                    tasks.Add(client.PublishAsync("n", buffer, MqttQoS.AtLeastOnce));
                }
                Check.True(Task.WaitAll(tasks.ToArray(), TimeSpan.FromSeconds(50)), "that all are acknowledged");
                for (var number = 0; number < count; number++)
                {
                    Check.True(got.TryTake(out var came, Soon), "that all come");
                    Check.Equal(number, came);
                }
            }
        }

        [Test]
        public void Without_a_connection_a_publish_fails()
        {
            using (var client = new MqttClient(broker.Url))
            {
                var task = client.PublishAsync("a", new byte[0]);
                var failure = Check.Throws<AggregateException>(() => task.Wait(Soon)).InnerException as MqttException;
                Check.Equal(MqttStatus.NotConnected, failure?.Status);
            }
        }

        [Test]
        public void Dispose_ends_what_is_awaited()
        {
            broker.BreakConnection("half", MqttConnectionFault.CutAfterReceiving, 1UL << 40);
            var client = new MqttClient(new MqttClientOptions(broker.Url).WithWindow(1).WithReceive());
            client.Connect();
            broker.BreakMessages("slow", MqttMessageFault.DelayMessagesMs, 60000);
            var receive = client.ReceiveAsync();
            var tasks = Enumerable.Range(0, 100)
                .Select(number => client.PublishAsync("slow", new byte[0], MqttQoS.ExactlyOnce)).ToArray();
            client.Dispose();
            Check.Throws<AggregateException>(() => receive.Wait(Soon));
            foreach (var task in tasks)
            {
                try
                {
                    Check.True(task.Wait(Soon), "that no task is left");
                }
                catch (AggregateException)
                {
                    // It failed, which is an end as well.
                }
            }
            Check.Throws<ObjectDisposedException>(() => client.Publish("a", "x"));
        }

        // A server that accepts and never says a word.
        private static TcpListener Silent(out string url)
        {
            var listener = new TcpListener(OwnAddress.Next(), 0);
            listener.Start();
            url = "mqtt://" + listener.LocalEndpoint;
            return listener;
        }

        [Test]
        public void Each_form_can_be_cancelled_before_it_begins()
        {
            using (var client = new MqttClient(new MqttClientOptions(broker.Url).WithReceive()))
            {
                var over = new CancellationToken(true);
                client.Connect();
                Cancels(client.ReceiveAsync(over));
                Cancels(client.PublishAsync("a", new byte[0], cancellation: over));
                Cancels(client.SubscribeAsync(new MqttSubscription("a"), over));
                Cancels(client.UnsubscribeAsync(new[] { "a" }, over));
                Cancels(client.ReAuthenticateAsync(over));
                Cancels(client.DisconnectAsync(over));
                Check.True(client.IsConnected, "that nothing has happened");
                Cancels(client.ConnectAsync(over));
                Cancels(client.ReconnectAsync(over));
                Check.Equal(0UL, client.GetStatistics().MessagesSent);
            }
        }

        [Test]
        public void A_connect_that_hangs_is_cancelled()
        {
            var silent = Silent(out var url);
            for (var round = 0; round < 20; round++)
            {
                using (var client = new MqttClient(url))
                using (var cancellation = new CancellationTokenSource())
                {
                    var connecting = round % 2 == 0
                        ? client.ConnectAsync(cancellation.Token)
                        : client.ReconnectAsync(cancellation.Token);
                    if (round > 9)
                    {
                        Check.Eventually(() => client.State == MqttClientState.Connecting, "the attempt");
                    }
                    cancellation.Cancel();
                    Cancels(connecting);
                    Check.Equal(MqttClientState.Disconnected, client.State);
                }
            }
            silent.Stop();
        }

        [Test]
        public void A_receive_a_subscribe_and_an_unsubscribe_are_cancelled_on_their_way()
        {
            using (var silent = new Muted())
            using (var client = new MqttClient(new MqttClientOptions(silent.Url).WithReceive()))
            using (var cancellation = new CancellationTokenSource())
            {
                client.Connect();
                var tasks = new Task[]
                {
                    client.ReceiveAsync(cancellation.Token),
                    client.SubscribeAsync(new MqttSubscription("a"), cancellation.Token),
                    client.UnsubscribeAsync(new[] { "a" }, cancellation.Token),
                    client.PublishAsync("a", new byte[0], MqttQoS.AtLeastOnce, false, cancellation.Token),
                };
                cancellation.Cancel();
                Array.ForEach(tasks, Cancels);
                Check.True(client.IsConnected, "that the connection stays");
            }
        }

        [Test]
        public void Messages_that_wait_for_room_are_not_sent_when_cancelled()
        {
            using (var script = new MqttScript())
            using (var client = new MqttClient(new MqttClientOptions("127.0.0.1", script.Port).WithWindow(1)))
            using (var cancellation = new CancellationTokenSource())
            {
                var connecting = client.ConnectAsync();
                using (var server = script.Accept(MqttProtocol.Mqtt50, Soon))
                {
                    Check.True(server.ExpectPacket().StartsWith("CONNECT"), "the first packet");
                    server.Send(0x20, 3, 0, 0, 0);
                    connecting.Wait(Soon);
                    var first = client.PublishAsync("a", new byte[0], MqttQoS.AtLeastOnce);
                    var second = client.PublishAsync("a", new byte[0], MqttQoS.AtLeastOnce);
                    var third = client.PublishAsync(
                        new MqttPublication("a", new byte[0]) { QoS = MqttQoS.AtLeastOnce }, cancellation.Token);
                    cancellation.Cancel();
                    Cancels(third);
                    // Room comes with the acknowledgements only.
                    foreach (byte id in new[] { 1, 2 })
                    {
                        server.Expect(0x32, 6, 0, 1, (byte)'a', 0, id, 0);
                        server.Send(0x40, 2, 0, id);
                    }
                    Check.True(Task.WaitAll(new Task[] { first, second }, Soon), "that the others are sent");
                    Check.Equal(2UL, client.GetStatistics().MessagesSent);
                }
            }
        }

        // It would stop whatever is begun next.
        [Test]
        public void Nothing_is_stopped_after_a_cancelled_task_has_ended()
        {
            using (var cancellation = new CancellationTokenSource())
            {
                var stopping = new ManualResetEvent(false);
                var go = new ManualResetEvent(false);
                var inside = 0;
                var task = MqttLink.Interop.OwnThread.Run<int>(
                    "stopped",
                    () =>
                    {
                        stopping.WaitOne();
                        throw MqttLink.MqttException.Local(MqttStatus.Closed, "stopped");
                    },
                    () =>
                    {
                        Interlocked.Increment(ref inside);
                        stopping.Set();
                        go.WaitOne();
                        Interlocked.Decrement(ref inside);
                    },
                    cancellation.Token);
                cancellation.Cancel();
                Check.Signalled(stopping, "the attempt to stop it");
                Check.True(!((IAsyncResult)task).AsyncWaitHandle.WaitOne(50), "that the task waits for it");
                go.Set();
                Cancels(task);
                Check.Equal(0, Volatile.Read(ref inside));
            }
        }

        [Test]
        public void A_disconnect_that_drains_is_cancelled()
        {
            using (var silent = new Muted())
            using (var client = new MqttClient(new MqttClientOptions(silent.Url).WithDrainTimeout(Soon + Soon)))
            using (var cancellation = new CancellationTokenSource())
            {
                client.Connect();
                client.Send(new MqttPublication("a", "x") { QoS = MqttQoS.AtLeastOnce });
                var leaving = client.DisconnectAsync(cancellation.Token);
                silent.WaitForBytes();
                Check.True(!leaving.Wait(100), "that the acknowledgement is waited for");
                cancellation.Cancel();
                Cancels(leaving);
                Check.Equal(MqttClientState.Disconnected, client.State);
            }
        }

        [Test]
        public void A_re_authentication_without_an_answer_is_cancelled()
        {
            using (var silent = new Muted())
            {
                var options = new MqttClientOptions(silent.Url).WithAuthentication("NONE", new byte[0]);
                using (var client = new MqttClient(options))
                using (var cancellation = new CancellationTokenSource())
                {
                    client.Connect();
                    var task = client.ReAuthenticateAsync(cancellation.Token);
                    silent.WaitForBytes();
                    cancellation.Cancel();
                    Cancels(task);
                }
            }
        }

        [Test]
        public void A_hundred_operations_that_wait_block_no_thread_of_the_pool()
        {
            var silent = Silent(out var url);
            ThreadPool.GetMinThreads(out var least, out _);
            var clients = Enumerable.Range(0, 4 * least).Select(number => new MqttClient(url)).ToArray();
            var tasks = clients.Select(client => client.ConnectAsync()).ToArray();
            Check.Eventually(() => clients.All(client => client.State == MqttClientState.Connecting), "the attempts");
            ThreadPool.GetMaxThreads(out var most, out var ports);
            // So the pool makes no more threads when all are blocked.
            Check.True(ThreadPool.SetMaxThreads(least, ports), "that the pool can be limited");
            try
            {
                var ran = new ManualResetEvent(false);
                ThreadPool.QueueUserWorkItem(state => ran.Set());
                Check.Signalled(ran, "work of the pool");
            }
            finally
            {
                ThreadPool.SetMaxThreads(most, ports);
            }
            Array.ForEach(clients, client => client.Dispose());
            Check.Throws<AggregateException>(() => Task.WaitAll(tasks, Soon));
            silent.Stop();
        }
    }
}
