using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using MqttLink.Interop;
using nanoFramework.M2Mqtt;
using nanoFramework.M2Mqtt.Exceptions;
using nanoFramework.M2Mqtt.Messages;

namespace MqttLink.M2Mqtt.Engine
{
    /// <summary>What both façades are made of: M2Mqtt's way of working over the library. This part makes and ends
    /// connections; the others send requests and reconnect.</summary>
    /// <remarks>Locks: <c>connecting</c> is held by whoever connects, for as long as that takes; inside it may be
    /// taken <c>gate</c>, which is held for moments only, never while a handler runs or something is waited
    /// for.</remarks>
    internal sealed partial class Core
    {
        /// <summary>Clients with a connection live, whether the program refers to them or not.</summary>
        private static readonly HashSet<Core> Connected = new HashSet<Core>();

        private readonly object gate = new object();
        private readonly object connecting = new object();
        private Link link;
        private bool isDisposed;
        private bool isWanted;

        internal Core(IEngineEvents events)
        {
            Events = events;
            Dispatch = new DispatchQueue(events.OnHandlerException);
        }

        internal IEngineEvents Events { get; }

        internal DispatchQueue Dispatch { get; }

        internal bool IsConnected
        {
            get
            {
                Link current = link;
                return current != null && current.IsConnected;
            }
        }

        /// <summary>Connects, and waits for the server's answer; in an authentication flow until CONNECT is
        /// sent.</summary>
        internal MqttReasonCode Connect(ConnectPlan plan)
        {
            using (Dispatch.Waiting())
            {
                StopReconnecting();
                lock (connecting)
                {
                    try
                    {
                        Link use = Prepare(plan);
                        return plan.IsAuthenticationFlow ? ConnectLater(use, plan) : ConnectNow(use, plan);
                    }
                    catch (ObjectDisposedException)
                    {
                        throw Closed();
                    }
                }
            }
        }

        /// <summary>Sends what is accepted and DISCONNECT, and ends the connection.</summary>
        internal void Disconnect(int drainTimeout)
        {
            StopReconnecting();
            using (Dispatch.Waiting())
            {
                Link current = link;
                if (current == null)
                {
                    throw new MqttCommunicationException();
                }

                isWanted = false;
                Stopwatch clock = Stopwatch.StartNew();
                WaitForBacklog(current, drainTimeout);
                long left = Math.Max(0, drainTimeout - clock.ElapsedMilliseconds);
                current.Exchange?.Cancel();
                MqttException error = current.Disconnect(left);
                if (error != null && !current.IsReplaced)
                {
                    throw new MqttCommunicationException(error);
                }
            }
        }

        /// <summary>Cuts the connection without DISCONNECT; no event tells of it. What a persistent session has to
        /// send stays.</summary>
        internal void Close()
        {
            StopReconnecting();
            isWanted = false;
            Link current;
            lock (gate)
            {
                current = link;
                current?.Cut();
                ForgetBacklog();
            }

            if (current != null)
            {
                current.Abort();
                bool isOver;
                lock (gate)
                {
                    current.Cut();
                    isOver = current.Plan.Connect.CleanSession || isDisposed;
                    if (isOver)
                    {
                        ForgetRequests(current);
                        link = link == current ? null : link;
                    }
                }

                Dispatch.Stir();
                if (isOver)
                {
                    current.Retire();
                }
            }

            Dispatch.Clear(1000);
            Root(false);
        }

        internal void Dispose()
        {
            lock (gate)
            {
                if (isDisposed)
                {
                    return;
                }

                isDisposed = true;
                Monitor.PulseAll(gate);
            }

            Close();
        }

        /// <summary>The server has accepted a connection: before the end of that connection is told, and before
        /// <see cref="Connect"/> returns.</summary>
        internal void Accepted(Link from, string clientId, bool sessionPresent)
        {
            lock (gate)
            {
                from.CountOpened();
                if (from.IsCut)
                {
                    from.Cut();
                    return;
                }

                isWanted = true;
                Events.OnAccepted(clientId, from.Plan);
                Dispatch.Hold(true);
                Root(true);
            }

            if (from.IsResuming && !sessionPresent)
            {
                Resubscribe();
            }

            Pump();
        }

        /// <summary>A connection has ended.</summary>
        internal void Ended(Link from, MqttException error)
        {
            lock (gate)
            {
                bool lost = error != null && isWanted && from == link;
                bool again = lost && AutoReconnect && MayReconnect(error);
                if (from == link && from.Plan.Connect.CleanSession && !again)
                {
                    FailRequests(from, error == null ? "the connection was ended before the outcome was known"
                        : "the connection was lost: " + error.Message);
                }

                if (from.CountEnded())
                {
                    Dispatch.Post("ConnectionClosed", () => TellClosed(again));
                }

                Monitor.PulseAll(gate);
            }
        }

        /// <summary>Makes an event of what a link tells, unless the program has closed it.</summary>
        internal void Tell(Link from, string name, Action action)
        {
            lock (gate)
            {
                if (!from.IsMuted && !from.IsCut)
                {
                    Dispatch.Post(name, action);
                }
            }
        }

        private void TellClosed(bool again)
        {
            Release(again);
            try
            {
                Events.OnClosed();
            }
            finally
            {
                if (again)
                {
                    StartReconnecting();
                }
            }
        }

        /// <summary>Lets go of the dispatch thread and of the client, unless there is a newer connection.</summary>
        private void Release(bool again)
        {
            lock (gate)
            {
                if (link == null || !link.IsOpen)
                {
                    bool wanted = again && !isDisposed;
                    Dispatch.Hold(wanted);
                    Root(wanted);
                }
            }
        }

        /// <summary>The link for a connection: that of the session, or a new one.</summary>
        private Link Prepare(ConnectPlan plan)
        {
            Exchange exchange = plan.IsV5 && plan.Connect.AuthenticationMethod != null
                ? new Exchange(plan.Connect.AuthenticationMethod, plan.Connect.AuthenticationData,
                    plan.Settings.TimeoutOnReceiving, PostAuthentication)
                : null;
            using (OptionsHandle options = plan.ToNative(exchange))
            {
                Link old = link;
                AwaitEnd(old, plan.Settings.TimeoutOnConnection);
                CheckMayConnect(old);
                bool goesOn = old != null && !plan.Connect.CleanSession && old.Identity == plan.Identity
                    && old.Plan.IsAuthenticationFlow == plan.IsAuthenticationFlow;
                if (goesOn)
                {
                    old.Reconfigure(plan, exchange, options);
                    return old;
                }

                Link made = new Link(this, plan, exchange, options);
                lock (gate)
                {
                    if (!isDisposed)
                    {
                        link = made;
                    }
                }

                if (link != made)
                {
                    made.Retire();
                    throw Closed();
                }

                if (old != null)
                {
                    Replace(old);
                }

                return made;
            }
        }

        /// <summary>What a call throws that another thread has closed the client under.</summary>
        private Exception Closed()
        {
            return isDisposed
                ? (Exception)new ObjectDisposedException("MqttClient")
                : new MqttCommunicationException(new InvalidOperationException(
                    "the client was closed by another thread; Connect may be called again"));
        }

        /// <summary>Waits for a connection that is being ended: the program sees none any more.</summary>
        private void AwaitEnd(Link old, int timeout)
        {
            if (old != null && old.IsEnding)
            {
                WaitUntil(() => isDisposed || !old.IsEnding, timeout);
            }
        }

        private void CheckMayConnect(Link old)
        {
            if (isDisposed)
            {
                throw Closed();
            }

            if (old != null && !old.IsIdle)
            {
                throw new InvalidOperationException(
                    "the client is connected, or about to be; call Disconnect or Close first");
            }
        }

        /// <summary>Ends a link whose session is given up, after it has told what it still has to tell.</summary>
        private void Replace(Link old)
        {
            WaitUntil(() => !old.OwesClosed, 1000);
            old.Retire();
            FailRequests(old, "the session was given up: a new one was begun");
            if (old.OwesClosed)
            {
                Dispatch.Post("ConnectionClosed", Events.OnClosed);
            }
        }

        private MqttReasonCode ConnectNow(Link use, ConnectPlan plan)
        {
            MqttException error = use.Connect(false);
            if (use.IsCut)
            {
                throw Closed();
            }

            if (error == null)
            {
                return MqttReasonCode.Success;
            }

            if (error.Status == MqttStatus.Refused)
            {
                return Translation.Refusal(error, plan.IsV5);
            }

            throw Translation.ConnectFailure(error);
        }

        /// <summary>Connects on another thread, and waits until CONNECT is sent, or cannot be.</summary>
        private MqttReasonCode ConnectLater(Link use, ConnectPlan plan)
        {
            MqttException error = null;
            ManualResetEvent over = new ManualResetEvent(false);
            Thread thread = new Thread(() =>
            {
                error = use.Connect(false);
                if (error != null)
                {
                    Dispatch.Hold(false);
                }

                over.Set();
            });
            thread.IsBackground = true;
            thread.Name = "mqttlink-connect";
            lock (gate)
            {
                if (use.IsCut)
                {
                    throw Closed();
                }

                Dispatch.Hold(true);
            }

            thread.Start();
            int first = WaitHandle.WaitAny(new WaitHandle[] { use.ConnectSent, over });
            bool failed = over.WaitOne(0) && error != null && error.Status != MqttStatus.Refused;
            if (failed && error.Stage != MqttStage.Mqtt && first == 1)
            {
                throw Translation.ConnectFailure(error);
            }

            return MqttReasonCode.Success;
        }

        private void Root(bool wanted)
        {
            lock (Connected)
            {
                if (wanted)
                {
                    Connected.Add(this);
                }
                else
                {
                    Connected.Remove(this);
                }
            }
        }
    }
}
