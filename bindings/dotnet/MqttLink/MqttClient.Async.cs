using System;
using System.Threading;
using System.Threading.Tasks;
using MqttLink.Interop;

namespace MqttLink
{
    public sealed partial class MqttClient
    {
        private readonly PublishBacklog backlog;

        /// <summary>
        /// <see cref="Connect"/> on a thread of its own. Cancelled, the attempt is given up, and the task ends when
        /// that is done.
        /// </summary>
        public Task<MqttConnection> ConnectAsync(CancellationToken cancellation = default)
        {
            return OwnThread.Run("mqttlink connect", Connect, AbortQuietly, cancellation);
        }

        /// <summary><see cref="Reconnect"/>, as <see cref="ConnectAsync"/>.</summary>
        public Task<MqttConnection> ReconnectAsync(CancellationToken cancellation = default)
        {
            return OwnThread.Run("mqttlink connect", Reconnect, AbortQuietly, cancellation);
        }

        /// <summary>
        /// <see cref="Disconnect()"/> on a thread of its own. Cancelled, the rest is not waited for and the
        /// connection is cut.
        /// </summary>
        public Task DisconnectAsync(CancellationToken cancellation = default)
        {
            return OwnThread.Run(
                "mqttlink disconnect",
                () =>
                {
                    Disconnect();
                    return true;
                },
                AbortQuietly, cancellation);
        }

        /// <summary>
        /// <see cref="ReAuthenticate"/> on a thread of its own. Cancelled, the connection is ended, as when it
        /// fails.
        /// </summary>
        public Task ReAuthenticateAsync(CancellationToken cancellation = default)
        {
            return OwnThread.Run(
                "mqttlink authenticate",
                () =>
                {
                    ReAuthenticate();
                    return true;
                },
                AbortQuietly, cancellation);
        }

        /// <summary>
        /// Publishes a message. The task ends with the outcome: when the server has acknowledged the message, at QoS
        /// 0 when it is in the socket; it fails if the server refuses it or the message was given up. Never blocks:
        /// without room the message waits, copied, behind at most 65,536 others, each of which waits for room at
        /// most the publish timeout. Messages of one thread leave in the order of its calls.
        /// </summary>
        /// <param name="message">The message.</param>
        /// <param name="cancellation">
        /// Cancelled before the message has left its place in the queue, it is not sent; after that it is, and the
        /// outcome is only not told.
        /// </param>
        /// <exception cref="ArgumentException">The topic or a property breaks the rules.</exception>
        public Task<MqttPublishResult> PublishAsync(
            MqttPublication message, CancellationToken cancellation = default)
        {
            return cancellation.IsCancellationRequested
                ? Task.FromCanceled<MqttPublishResult>(cancellation)
                : backlog.Publish(message ?? throw new ArgumentNullException(nameof(message)), cancellation);
        }

        /// <summary>As <see cref="PublishAsync(MqttPublication, CancellationToken)"/>.</summary>
        public Task<MqttPublishResult> PublishAsync(
            string topic, byte[] payload, MqttQoS qos = MqttQoS.AtMostOnce, bool retain = false,
            CancellationToken cancellation = default)
        {
            return PublishAsync(new MqttPublication(topic, payload) { QoS = qos, Retain = retain }, cancellation);
        }

        /// <summary>
        /// Subscribes. The task ends with the server's answer, which may refuse a filter: look at the results. It
        /// fails if the connection ends first. Cancelled, only the answer is not told.
        /// </summary>
        /// <exception cref="ArgumentException">A filter breaks the rules.</exception>
        /// <exception cref="MqttException">There is no connection.</exception>
        public Task<MqttResults> SubscribeAsync(
            MqttSubscription subscription, CancellationToken cancellation = default)
        {
            if (cancellation.IsCancellationRequested)
            {
                return Task.FromCanceled<MqttResults>(cancellation);
            }
            var answer = subscribed.Wait(RequestSubscription(subscription), cancellation);
            if (supervisor != null)
            {
                Remember(subscription, answer);
            }
            return answer;
        }

        /// <summary>
        /// Ends subscriptions. The task ends with the server's answer; it fails if the connection ends first.
        /// Cancelled, only the answer is not told.
        /// </summary>
        /// <exception cref="MqttException">There is no connection.</exception>
        public Task<MqttResults> UnsubscribeAsync(string[] filters, CancellationToken cancellation = default)
        {
            return cancellation.IsCancellationRequested
                ? Task.FromCanceled<MqttResults>(cancellation)
                : unsubscribed.Wait(RequestUnsubscription(filters, null), cancellation);
        }

        private void AbortQuietly()
        {
            try
            {
                Abort();
            }
            catch (ObjectDisposedException)
            {
                // Then nothing waits any more.
            }
        }

        private void Remember(MqttSubscription subscription, Task<MqttResults> answer)
        {
            answer.ContinueWith(
                task => supervisor.Book.Add(subscription, task.Result), CancellationToken.None,
                TaskContinuationOptions.OnlyOnRanToCompletion | TaskContinuationOptions.ExecuteSynchronously,
                TaskScheduler.Default);
        }
    }
}
