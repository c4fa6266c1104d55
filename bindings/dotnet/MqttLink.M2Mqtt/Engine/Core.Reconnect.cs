using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using nanoFramework.M2Mqtt.Messages;

namespace MqttLink.M2Mqtt.Engine
{
    /// <content>Authentication, and reconnecting where the program has asked for it.</content>
    internal sealed partial class Core
    {
        private readonly Dictionary<string, MqttQoSLevel> wanted = new Dictionary<string, MqttQoSLevel>();
        private readonly List<string> wantedOrder = new List<string>();
        private readonly ManualResetEvent stopReconnecting = new ManualResetEvent(false);
        private Thread reconnecting;
        private bool reconnectsAnew;

        internal bool AutoReconnect { get; set; }

        internal MqttReconnectPolicy ReconnectPolicy { get; } = new MqttReconnectPolicy();

        /// <summary>Answers the server's last step, or begins a re-authentication.</summary>
        internal void SendAuthentication(MqttMsgAuthentication message)
        {
            Exchange exchange = link?.Exchange;
            if (exchange == null)
            {
                throw new InvalidOperationException(
                    "no authentication was begun: set AuthenticationMethod before Connect, with MQTT 5.0");
            }

            if (message.ReasonCode == MqttReasonCode.ReAuthenticate)
            {
                Link current = link;
                exchange.Renew(message.AuthenticationData);
                Thread thread = new Thread(() => Renew(current));
                thread.IsBackground = true;
                thread.Name = "mqttlink-authenticate";
                thread.Start();
            }
            else if (!exchange.Answer(message))
            {
                throw new InvalidOperationException(
                    "the server has not asked anything, or was answered already; a new exchange begins with the"
                    + " reason code ReAuthenticate");
            }
        }

        private void Renew(Link current)
        {
            MqttException error = current.ReAuthenticate();
            if (error != null && !current.IsCut)
            {
                Dispatch.Post("Authentication", () => Events.OnHandlerException("Authentication", error));
            }
        }

        private bool PostAuthentication(MqttMsgAuthentication message)
        {
            if (!Events.AnswersAuthentication || (Dispatch.IsCurrent && message.ReasonCode != MqttReasonCode.Success))
            {
                return false;
            }

            Dispatch.Post("Authentication", () => Events.OnAuthentication(message));
            return true;
        }

        /// <summary>Keeps what is subscribed to, for the next connection.</summary>
        private void Remember(Request request)
        {
            for (int i = 0; request.Filters != null && i < request.Filters.Length; i++)
            {
                string filter = request.Filters[i];
                wantedOrder.Remove(filter);
                wanted.Remove(filter);
                if (request.Kind == RequestKind.Subscribe)
                {
                    wantedOrder.Add(filter);
                    wanted[filter] = request.Levels[i];
                }
            }
        }

        /// <summary>Subscribes anew, before anything else is sent.</summary>
        private void Resubscribe()
        {
            lock (gate)
            {
                if (wantedOrder.Count == 0)
                {
                    return;
                }

                string[] waiting = backlog.Where(request => request.Kind == RequestKind.Subscribe)
                    .SelectMany(request => request.Filters).ToArray();
                string[] filters = wantedOrder.Except(waiting).ToArray();
                if (filters.Length > 0)
                {
                    backlog.AddFirst(new Request
                    {
                        Kind = RequestKind.Subscribe,
                        Filters = filters,
                        Levels = filters.Select(filter => wanted[filter]).ToArray(),
                        IsSilent = true
                    });
                }
            }
        }

        private static bool MayReconnect(MqttException error)
        {
            return error.Reason != MqttReason.SessionTakenOver;
        }

        private void StartReconnecting()
        {
            lock (gate)
            {
                if (isDisposed || !isWanted || IsConnected)
                {
                    return;
                }

                if (reconnecting != null)
                {
                    // Its attempt has succeeded, and the connection is gone again.
                    reconnectsAnew = true;
                    return;
                }

                stopReconnecting.Reset();
                reconnecting = new Thread(Reconnect);
                reconnecting.IsBackground = true;
                reconnecting.Name = "mqttlink-reconnect";
                reconnecting.Start();
            }
        }

        /// <summary>Ends the attempts of the client's own, unless the caller is one of them.</summary>
        private void StopReconnecting()
        {
            Thread running = reconnecting;
            if (running == null || running == Thread.CurrentThread)
            {
                return;
            }

            stopReconnecting.Set();
            if (!IsConnected)
            {
                link?.Abort();
            }

            if (!Dispatch.IsCurrent)
            {
                running.Join(1000);
            }
        }

        private void Reconnect()
        {
            Random random = new Random();
            try
            {
                for (int attempt = 0; !stopReconnecting.WaitOne(ReconnectPolicy.Delay(attempt, random.NextDouble()));
                    attempt++)
                {
                    lock (connecting)
                    {
                        Link current = link;
                        if (stopReconnecting.WaitOne(0) || current == null || !current.IsIdle)
                        {
                            return;
                        }

                        MqttException error = current.Connect(true);
                        bool given = ReconnectPolicy.MaximumAttempts > 0
                            && attempt + 1 >= ReconnectPolicy.MaximumAttempts;
                        if (error == null || given || !error.IsRetryable)
                        {
                            return;
                        }
                    }
                }
            }
            finally
            {
                bool anew;
                lock (gate)
                {
                    reconnecting = null;
                    anew = reconnectsAnew && !stopReconnecting.WaitOne(0);
                    reconnectsAnew = false;
                    Release(anew);
                }

                if (anew)
                {
                    StartReconnecting();
                }
            }
        }
    }
}
