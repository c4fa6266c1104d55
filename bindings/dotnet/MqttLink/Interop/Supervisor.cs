using System;
using System.Threading;

namespace MqttLink.Interop
{
    /// <summary>
    /// Connects a client again after its connection was lost, as its policy says, and subscribes again to what a
    /// server that has lost the session does not know any more. Between attempts it does not keep the client alive.
    /// </summary>
    internal sealed class Supervisor
    {
        private readonly WeakReference<MqttClient> client;
        private readonly MqttReconnectPolicy policy;
        private readonly object gate = new object();
        private readonly Random random = new Random();
        private int generation;
        private bool isRunning;
        private bool isLostAgain;

        internal Supervisor(MqttClient client, MqttReconnectPolicy policy)
        {
            this.client = new WeakReference<MqttClient>(client);
            this.policy = policy;
        }

        /// <summary>What the client has subscribed to.</summary>
        internal SubscriptionBook Book { get; } = new SubscriptionBook();

        /// <summary>The connection was lost: connects again, on a thread of its own.</summary>
        internal void Start()
        {
            lock (gate)
            {
                if (isRunning)
                {
                    // Its attempt has succeeded, and the connection is gone before it has come back.
                    isLostAgain = true;
                    return;
                }
                isRunning = true;
                isLostAgain = false;
                var mine = generation;
                OwnThread.Start("mqttlink reconnect", () => Run(mine));
            }
        }

        /// <summary>The program decides about the connection itself: what runs ends. Does not wait for it.</summary>
        internal void Stop()
        {
            lock (gate)
            {
                generation++;
                isRunning = false;
                Monitor.PulseAll(gate);
            }
        }

        private void Run(int mine)
        {
            bool reconnected;
            do
            {
                reconnected = Reconnected(mine);
            }
            while (IsLostAgain(mine, reconnected));
        }

        // Whether an attempt has succeeded before they were given up.
        private bool Reconnected(int mine)
        {
            for (var attempt = 0; Pause(mine, attempt); attempt++)
            {
                if (Attempt())
                {
                    return true;
                }
                if (policy.MaximumAttempts > 0 && attempt + 1 >= policy.MaximumAttempts)
                {
                    return false;
                }
            }
            return false;
        }

        // Whether the new connection is gone already. If not, the next loss starts another thread.
        private bool IsLostAgain(int mine, bool reconnected)
        {
            lock (gate)
            {
                if (mine != generation)
                {
                    return false;
                }
                isRunning = reconnected && isLostAgain;
                isLostAgain = false;
                return isRunning;
            }
        }

        // Whether the attempt is still wanted when its time has come.
        private bool Pause(int mine, int attempt)
        {
            lock (gate)
            {
                var until = DateTime.UtcNow + policy.Delay(attempt, random.NextDouble());
                while (mine == generation)
                {
                    var left = until - DateTime.UtcNow;
                    if (left <= TimeSpan.Zero)
                    {
                        return true;
                    }
                    Monitor.Wait(gate, left);
                }
                return false;
            }
        }

        // Whether there is nothing more to be done.
        private bool Attempt()
        {
            if (!client.TryGetTarget(out var target))
            {
                return true;
            }
            try
            {
                if (!target.ReconnectOnce().SessionPresent)
                {
                    Book.SubscribeAgain(target);
                }
                return true;
            }
            catch (ObjectDisposedException)
            {
                return true;
            }
            catch (MqttException exception)
            {
                // Connected after all, by the program or by an attempt whose subscriptions failed.
                return exception.Status == MqttStatus.AlreadyConnected;
            }
        }
    }
}
