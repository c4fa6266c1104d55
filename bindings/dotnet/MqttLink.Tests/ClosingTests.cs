using System;
using System.Diagnostics;
using System.IO;
using System.Net;
using System.Threading;
using System.Threading.Tasks;
using MqttLink.TestRunner;

namespace MqttLink.Tests
{
    /// <summary>Whatever an attempt to connect waits for, closing keeps its deadline and leaves nothing behind.</summary>
    public sealed class ClosingTests
    {
        private static readonly TimeSpan Soon = TimeSpan.FromSeconds(10);

        // Nothing but closing ends the attempt while the test looks.
        private static readonly TimeSpan Long = TimeSpan.FromSeconds(300);

        private const int DeadlineMs = 900;

        // What closing may take beyond its deadline.
        private const int SlackMs = 600;

        [Test(Seconds = 200)]
        [Case("abort", "looking up")]
        [Case("abort", "opening a stream")]
        [Case("abort", "connecting the socket")]
        [Case("abort", "negotiating TLS")]
        [Case("abort", "awaiting CONNACK")]
        [Case("cancel", "looking up")]
        [Case("cancel", "opening a stream")]
        [Case("cancel", "connecting the socket")]
        [Case("cancel", "negotiating TLS")]
        [Case("cancel", "awaiting CONNACK")]
        [Case("disconnect", "looking up")]
        [Case("disconnect", "opening a stream")]
        [Case("disconnect", "connecting the socket")]
        [Case("disconnect", "negotiating TLS")]
        [Case("disconnect", "awaiting CONNACK")]
        [Case("dispose", "looking up")]
        [Case("dispose", "opening a stream")]
        [Case("dispose", "connecting the socket")]
        [Case("dispose", "negotiating TLS")]
        [Case("dispose", "awaiting CONNACK")]
        public void Closing_keeps_its_deadline(string how, string state)
        {
            Check.Within(DeadlineMs + SlackMs, "to " + how + " while " + state, () => CloseIn(state, how));
            // What the runtime starts for itself it has started now, but for some threads of its pool.
            var before = Directory.GetDirectories("/proc/self/task").Length;
            for (var round = 0; round < 20; round++)
            {
                CloseIn(state, how);
            }
            Check.Eventually(
                () => Directory.GetDirectories("/proc/self/task").Length <= before + 15, "the end of all threads");
        }

        private static long CloseIn(string state, string how)
        {
            using (var held = new ManualResetEvent(false))
            using (var server = state == "connecting the socket" ? Unresponsive.Full() : Unresponsive.Silent())
            using (var cancellation = new CancellationTokenSource())
            {
                var inside = new ManualResetEvent(false);
                var options = Options(state, server, () =>
                {
                    inside.Set();
                    held.WaitOne();
                });
                var client = new MqttClient(options.WithConnectTimeout(Long));
                var connecting = client.ConnectAsync(cancellation.Token);
                Check.Eventually(
                    () => connecting.IsCompleted || client.State == MqttClientState.Connecting, "the attempt");
                Check.True(!connecting.IsCompleted, "that the attempt waits; it has ended: " + connecting.Exception);
                Reach(state, server, inside);
                var clock = Stopwatch.StartNew();
                Close(client, how, cancellation);
                // The call that waited is awake as well.
                var failure = Check.Throws<AggregateException>(() => connecting.Wait(Soon)).InnerException;
                var took = clock.ElapsedMilliseconds;
                Check.True(failure is MqttException || failure is ObjectDisposedException
                    || (how == "cancel" && failure is TaskCanceledException), failure.ToString());
                if (how != "dispose")
                {
                    Check.Equal(MqttClientState.Disconnected, client.State);
                }
                held.Set();
                client.Dispose();
                return took;
            }
        }

        private static MqttClientOptions Options(string state, Unresponsive server, Action hang)
        {
            var options = new MqttClientOptions(server.Host, server.Port);
            switch (state)
            {
                case "looking up":
                    return new MqttClientOptions("device.invalid", server.Port).WithResolver((host, port) =>
                    {
                        hang();
                        return new IPEndPoint[0];
                    });
                case "opening a stream":
                    return options.WithTransport((host, port, limit) =>
                    {
                        hang();
                        return Stream.Null;
                    });
                case "negotiating TLS":
                    return options.WithTls(new MqttTlsOptions());
                default:
                    return options;
            }
        }

        private static void Reach(string state, Unresponsive server, WaitHandle inside)
        {
            switch (state)
            {
                case "looking up":
                case "opening a stream":
                    Check.Signalled(inside, "the call of the program's function");
                    break;
                case "connecting the socket":
                    server.WaitForAttempt();
                    break;
                case "negotiating TLS":
                case "awaiting CONNACK":
                    server.WaitForBytes();
                    break;
            }
        }

        private static void Close(MqttClient client, string how, CancellationTokenSource cancellation)
        {
            switch (how)
            {
                case "abort":
                    client.Abort();
                    break;
                case "cancel":
                    cancellation.Cancel();
                    break;
                case "disconnect":
                    client.Disconnect(TimeSpan.FromMilliseconds(DeadlineMs));
                    break;
                case "dispose":
                    client.Dispose();
                    break;
            }
        }
    }
}
